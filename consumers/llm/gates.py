"""The gate before each deployment: its rate limit and its circuit. Pure: clock and luck come from outside.

In: who wants to ask, and what became of each request. Out: how long to wait before a request may be made. All turns of
a worker share the gates; other workers learn for themselves (L4).
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from consumers.llm.gates_circuit import PROBE_SECONDS, Circuit
from consumers.llm.gates_rate import RateLimit
from consumers.llm.gates_told import NOTHING_TOLD, ToldLimits

Reason = Literal["rate_limited", "provider_down"]
"""Why nobody may ask, as `queued` frames and metrics say it."""
SHORTEST_INTERVAL_SECONDS = 0.01
"""A request costs LiteLLM about so much of the processor (L3): faster than that is only a jam."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How a chain of deployments stands: the next request may be made after `wait_seconds` (0: now), and those after it
    every `interval_seconds`, or at once while it `has_more` saved up. `reason` holds while somebody has to wait.
    """

    wait_seconds: float
    interval_seconds: float
    reason: Reason = "rate_limited"
    has_more: bool = False


class Gate:
    """One deployment's."""

    def __init__(self) -> None:
        self.limit = RateLimit()
        self.circuit = Circuit()

    def wait_seconds(self, now: float, ahead: int = 0) -> float:
        """Until a request may be made, if `ahead` others are made before it; 0: now."""
        return max(self.limit.wait_seconds(now, ahead), self.circuit.wait_seconds(now, ahead))

    @property
    def rate(self) -> float:
        """Requests a second that it lets through in the long run."""
        if not self.circuit.is_closed:
            return 0.0
        return float("inf") if self.limit.rate is None else self.limit.rate

    def ask(self, now: float) -> "Asking":
        """A request is made. Call it only when `wait_seconds` is 0."""
        self.limit.ask(now)
        return Asking(self, now, self.circuit.ask())


class Asking:
    """One request, until it is known what became of it: the first word on that counts, and `taken` is none."""

    def __init__(self, gate: Gate, asked_at: float, is_probe: bool) -> None:
        self._gate = gate
        self._asked_at = asked_at
        self._is_probe = is_probe
        self._is_settled = False

    def taken(self, now: float, told: ToldLimits = NOTHING_TOLD) -> None:
        """The provider did not refuse it."""
        self._gate.limit.taken(now, told)

    def answered(self) -> None:
        """Its answer began."""
        if self._settle():
            self._gate.circuit.answered()

    def refused(self, now: float, told: ToldLimits = NOTHING_TOLD) -> None:
        """429: the provider works, and takes no more."""
        if self._settle():
            self._gate.circuit.answered()
            self._gate.limit.refused(self._asked_at, now, told)

    def failed(self, now: float, luck: float) -> None:
        """No answer, through the provider's own fault."""
        if self._settle():
            self._gate.circuit.failed(now, luck, self._is_probe)

    def left(self) -> None:
        """It was given up, or it was the request's own fault."""
        if self._settle():
            self._gate.circuit.left(self._is_probe)

    def _settle(self) -> bool:
        was_settled, self._is_settled = self._is_settled, True
        return not was_settled


class Gates:
    """All gates of a worker, by deployment."""

    def __init__(self) -> None:
        self._gates: defaultdict[str, Gate] = defaultdict(Gate)

    def of(self, deployment_id: str) -> Gate:
        return self._gates[deployment_id]

    def standing(self, deployment_ids: Iterable[str], now: float) -> Standing:
        """Of a chain: any of its deployments will do."""
        gates = [self._gates[deployment_id] for deployment_id in deployment_ids]
        wait_seconds = min((gate.wait_seconds(now) for gate in gates), default=0.0)
        rate = sum(gate.rate for gate in gates)
        interval_seconds = max(SHORTEST_INTERVAL_SECONDS, 1 / rate) if rate else PROBE_SECONDS
        is_limited = any(gate.circuit.is_closed for gate in gates)
        has_more = any(gate.wait_seconds(now, ahead=1) <= 0 for gate in gates)
        return Standing(wait_seconds, interval_seconds, "rate_limited" if is_limited else "provider_down", has_more)
