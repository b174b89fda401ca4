"""Wait or fail? What stands in the way of one question in one walk along its chain. Pure.

In: each deployment that was passed over because its gate is shut, and each fault of one that was asked. Out: nothing,
and the last fault is the user's answer; or EverythingBusy, and the turn waits and asks again.

- A deployment that is rate limited (429 now, or its gate's bucket is empty) may answer later: the turn waits for it.
  What failed otherwise in this very turn (500, reset, timeout) is not asked again by it, or it would be hammered.
- A deployment whose circuit is open is only waited for where nobody was asked at all: everything is down, and the turn
  waits for the next probe. One that asked somebody and failed hard has its answer, and ends as failed.
"""

from consumers.llm.gates import Gate
from consumers.llm.pieces import EverythingBusy, ProviderFault
from schemas.errors import ErrorCode


class Busyness:
    """One walk along a chain. `avoid`: deployments that failed this turn in an earlier walk."""

    def __init__(self, avoid: frozenset[str]) -> None:
        self._failed = set(avoid)
        self._limited: list[Gate] = []
        self._down: list[Gate] = []

    def is_passed_over(self, deployment_id: str, gate: Gate, now: float) -> bool:
        """True: it is not asked in this walk."""
        if deployment_id in self._failed:
            return True
        if gate.wait_seconds(now) <= 0:
            return False
        (self._limited if gate.circuit.is_closed else self._down).append(gate)
        return True

    def broke(self, deployment_id: str, gate: Gate, fault: ProviderFault) -> None:
        """A deployment was asked and did not answer to the end."""
        if fault.code is ErrorCode.PROVIDER_BUSY:
            self._limited.append(gate)
        else:
            self._failed.add(deployment_id)

    def word(self, now: float) -> EverythingBusy | None:
        """At the end of the chain: is there something to wait for?"""
        gates, code = self._limited, ErrorCode.PROVIDER_BUSY
        if not gates and not self._failed:
            gates, code = self._down, ErrorCode.PROVIDER_FAILED
        if not gates:
            return None
        wait_seconds = min(gate.wait_seconds(now) for gate in gates)
        return EverythingBusy(code, wait_seconds, frozenset(self._failed))
