"""Who waits for a worker, in what order, and for how long about: a line for each partition of `chat.requests`. Pure.

In: turns that could start now, the first open ones of their conversations, as they come and go, and when turns start.
Out: a turn's place in its line, and the seconds until it starts if starts go on as they did.

Both come from the replies, which every edge reads anyway, and not from the group's offsets (ADR 9): a turn that a full
worker has polled is past the position that offsets know, and still waits.
"""

from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass, field

from schemas.topics import REQUESTS, partition_of

NEWEST_SHARE = 0.1
"""How much the newest observation counts: about the last twenty make what is typical."""


class Typical:
    """A mean in which the newest counts most; None before anything was seen."""

    def __init__(self) -> None:
        self.seconds: float | None = None

    def observe(self, seconds: float) -> None:
        known = seconds if self.seconds is None else self.seconds
        self.seconds = known + NEWEST_SHARE * (seconds - known)


@dataclass(frozen=True, slots=True)
class Place:
    """A turn's place in its line, from 1, and how long it will wait; None where nothing was measured yet."""

    position: int
    seconds: float | None


@dataclass(slots=True)
class _Line:
    """`numbers` of those who wait, ascending; `moved_at`: when one last started, or came to an empty line."""

    numbers: list[int] = field(default_factory=list)
    moved_at: float = 0.0
    started_at: float = float("-inf")
    between_starts: Typical = field(default_factory=Typical)


@dataclass(frozen=True, slots=True)
class _Waiting:
    line: _Line
    number: int
    since: float


def _partitions_of_the_manifest() -> int:
    return REQUESTS.partitions


class WaitingLines:
    """All lines. Nothing is measured before `measure_from`: what an edge reads again at its start comes at once."""

    def __init__(self, partition_count: Callable[[], int] = _partitions_of_the_manifest) -> None:
        self.turn_seconds = Typical()
        self._partition_count = partition_count
        self._lines: dict[int, _Line] = {}
        self._waiting: dict[str, _Waiting] = {}
        self._next_number = 0
        self._between_any_starts = Typical()
        self._measured_from = float("inf")

    @property
    def total_waiting(self) -> int:
        """How many wait, in all lines."""
        return len(self._waiting)

    def measure_from(self, now: float) -> None:
        """From now on; the first time counts."""
        self._measured_from = min(self._measured_from, now)

    def join(self, turn_id: str, key: str, now: float) -> None:
        """The turn could start; `key` is its request's. Who waits already keeps the place."""
        if turn_id in self._waiting:
            return
        line = self._lines.setdefault(partition_of(key, self._partition_count()), _Line())
        if not line.numbers:
            line.moved_at = now
        self._waiting[turn_id] = _Waiting(line, self._next_number, now)
        line.numbers.append(self._next_number)
        self._next_number += 1

    def start(self, turn_id: str, now: float) -> None:
        """The turn started. The time since the start before it counts if it waited for all of that time."""
        if (waiting := self._waiting.get(turn_id)) is None:
            return
        self.leave(turn_id)
        line = waiting.line
        if max(waiting.since, self._measured_from) <= line.started_at:
            line.between_starts.observe(now - line.started_at)
            self._between_any_starts.observe(now - line.started_at)
        line.started_at = line.moved_at = now

    def leave(self, turn_id: str) -> None:
        """The turn waits for a worker no more."""
        if (waiting := self._waiting.pop(turn_id, None)) is not None:
            del waiting.line.numbers[bisect_left(waiting.line.numbers, waiting.number)]

    def end(self, started_at: float | None, now: float) -> None:
        """A turn ended; how long it took counts if its start was seen."""
        if started_at is not None and started_at >= self._measured_from:
            self.turn_seconds.observe(now - started_at)

    def place(self, turn_id: str, now: float) -> Place | None:
        """Where the turn stands; None if it waits for no worker. A line that stands still takes that much longer."""
        if (waiting := self._waiting.get(turn_id)) is None:
            return None
        position = bisect_left(waiting.line.numbers, waiting.number) + 1
        return Place(position, self._seconds(waiting.line, position, now))

    def place_of_next(self, key: str, now: float) -> Place:
        """Where a turn with this key would stand if it came now. Where nobody waits, it would not either."""
        line = self._lines.get(partition_of(key, self._partition_count()))
        if line is None or not line.numbers:
            return Place(1, None)
        position = len(line.numbers) + 1
        return Place(position, self._seconds(line, position, now))

    def _seconds(self, line: _Line, position: int, now: float) -> float | None:
        typical = line.between_starts.seconds
        typical = self._between_any_starts.seconds if typical is None else typical
        if typical is None:
            return None
        return position * typical + max(0.0, now - line.moved_at - typical)
