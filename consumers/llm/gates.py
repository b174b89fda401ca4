"""The gate before each deployment: its rate limit and its circuit. Pure: clock and luck come from outside.

In: who wants to ask, and what became of each request. Out: how long to wait before a request may be made. All turns of
a worker share the gates; other workers learn for themselves (L4).
"""

from collections import defaultdict

from consumers.llm.gates_circuit import Circuit
from consumers.llm.gates_rate import RateLimit
from consumers.llm.gates_told import NOTHING_TOLD, ToldLimits


class Gate:
    """One deployment's."""

    def __init__(self) -> None:
        self.limit = RateLimit()
        self.circuit = Circuit()

    def wait_seconds(self, now: float, ahead: int = 0) -> float:
        """Until a request may be made, if `ahead` others are made before it; 0: now."""
        return max(self.limit.wait_seconds(now, ahead), self.circuit.wait_seconds(now, ahead))

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
