"""What should move and does not (K7, K8). Pure.

In: now and then, a *sign* for each thing that has work to do: the position of a partition with records left, the number
of polls so far. Out: the things whose sign is the same for too long. Two things keep a pause of the whole process from
looking like standing still: looks are counted beside seconds, and `forget` begins anew after the broker was away.
"""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass

MIN_LOOKS = 3


@dataclass(frozen=True, slots=True)
class _Unchanged:
    sign: Hashable
    since: float
    looks: int


class StandingStill:
    """Times are this process's monotonic seconds."""

    def __init__(self, stuck_seconds: float) -> None:
        self._stuck_seconds = stuck_seconds
        self._unchanged: dict[str, _Unchanged] = {}

    def observe(self, signs: Mapping[str, Hashable], now: float) -> None:
        """Takes one look at everything that has work to do; what is not among it is idle."""
        self._unchanged = {name: self._seen(name, sign, now) for name, sign in signs.items()}

    def forget(self) -> None:
        """Nothing could move: the time so far does not count."""
        self._unchanged = {}

    def stuck(self, now: float) -> list[str]:
        """What stands still for too long. Any thread may ask."""
        return [name for name, seen in self._unchanged.items() if self._is_stuck(seen, now)]

    def _seen(self, name: str, sign: Hashable, now: float) -> _Unchanged:
        before = self._unchanged.get(name)
        if before is None or before.sign != sign:
            return _Unchanged(sign, now, 1)
        return _Unchanged(sign, before.since, before.looks + 1)

    def _is_stuck(self, seen: _Unchanged, now: float) -> bool:
        return seen.looks >= MIN_LOOKS and now - seen.since >= self._stuck_seconds
