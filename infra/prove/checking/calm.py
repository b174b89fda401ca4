"""When a run was calm: how long something may take while faults are put in.

In: the faults of a history. Out: for a moment, the moment from which nothing broken explains a delay any more.
"""

from collections.abc import Iterable

from infra.prove.events import FaultBegan, FaultEnded

SETTLE_SECONDS = 30.0
"""After a fault: consumers join again (10 s sessions), claims are taken over, producers are replaced."""
HARMLESS = ("provider", "garbage", "oversized", "clock")
"""How the kinds of faults begin that delay nobody; a provider's ends the call that it hits."""
OF_ONE_WORKER = "worker"
"""How the kinds of faults begin that delay those turns only which the event names."""

Time = tuple[float, float]
"""From when to when something was broken."""


class Calm:
    """The times in which something was broken: for everybody, and for single turns."""

    def __init__(self, began: Iterable[FaultBegan], ended: Iterable[FaultEnded]) -> None:
        self._ends: dict[tuple[str, str], list[float]] = {}
        for end in sorted(ended, key=lambda fault: fault.at):
            self._ends.setdefault((end.fault, end.target), []).append(end.at)
        self._of_turn: dict[str, list[Time]] = {}
        times = [(fault, self._time_of(fault)) for fault in began if not fault.fault.startswith(HARMLESS)]
        self._all = _merged(time for _, time in times)
        self._of_everybody = _merged(time for fault, time in times if not fault.fault.startswith(OF_ONE_WORKER))
        for fault, time in times:
            for turn_id in fault.turns:
                self._of_turn.setdefault(turn_id, []).append(time)

    def since(self, at: float, seconds: float, turn_id: str | None = None) -> float:
        """The end of the first calm time of `seconds` from `at` on; with a turn, only its own worker's faults count."""
        for start, end in self._all if turn_id is None else self._of(turn_id):
            if start > at + seconds:
                break
            at = max(at, end)
        return at + seconds

    def _of(self, turn_id: str) -> list[Time]:
        mine = self._of_turn.get(turn_id)
        return _merged([*self._of_everybody, *mine]) if mine else self._of_everybody

    def _time_of(self, fault: FaultBegan) -> Time:
        ends = self._ends.get((fault.fault, fault.target), [])
        return fault.at, next((end for end in ends if end >= fault.at), fault.at) + SETTLE_SECONDS


def _merged(times: Iterable[Time]) -> list[Time]:
    merged: list[Time] = []
    for start, end in sorted(times):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        else:
            merged.append((start, end))
    return merged
