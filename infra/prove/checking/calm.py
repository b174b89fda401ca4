"""When a run was calm: how long something may take while faults are put in.

In: the faults of a history. Out: for a moment, the moment from which nothing broken explains a delay any more.
"""

from collections.abc import Iterable

from infra.prove.events import FaultBegan, FaultEnded

SETTLE_SECONDS = 30.0
"""After a fault: consumers join again (10 s sessions), claims are taken over, producers are replaced."""
PROVIDER = "provider"
"""How the kinds of faults begin that break an answer and nothing else; no delay of anything else is owed to them."""


class Calm:
    """The times in which something was broken, merged and in order."""

    def __init__(self, began: Iterable[FaultBegan], ended: Iterable[FaultEnded]) -> None:
        self._ends: dict[tuple[str, str], list[float]] = {}
        for end in sorted(ended, key=lambda fault: fault.at):
            self._ends.setdefault((end.fault, end.target), []).append(end.at)
        faults = [fault for fault in began if not fault.fault.startswith(PROVIDER)]
        self._broken = _merged((fault.at, self._end_of(fault) + SETTLE_SECONDS) for fault in faults)

    def since(self, at: float, seconds: float) -> float:
        """The end of the first calm time of `seconds` from `at` on."""
        for start, end in self._broken:
            if start > at + seconds:
                break
            at = max(at, end)
        return at + seconds

    def _end_of(self, fault: FaultBegan) -> float:
        ends = self._ends.get((fault.fault, fault.target), [])
        return next((end for end in ends if end >= fault.at), fault.at)


def _merged(times: Iterable[tuple[float, float]]) -> list[tuple[float, float]]:
    merged: list[tuple[float, float]] = []
    for start, end in sorted(times):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        else:
            merged.append((start, end))
    return merged
