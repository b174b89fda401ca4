"""Is the owner of a claim alive? Heartbeat counters, read by everybody, judged by one's own clock (DESIGN 6.3). Pure.

Dead means: the counter unchanged, or gone, in at least `min_reads` successful reads over at least `dead_after_seconds`.
Failed reads are not observed, and of an outage no more counts than the time between two ordinary reads: nobody could
beat in it, and after it some come back sooner than others. So a read after a long pause counts for something too, and
where the store is always slow the dead are found later, not never.
"""

from collections.abc import Collection
from dataclasses import dataclass

READ_INTERVAL_SECONDS = 1.0
"""Between two rounds of a beat and a read, in a healthy store; shorter where deaths must be known sooner."""
OUTAGE_SECONDS = 3.0
"""A longer pause between two successful reads counts as an outage. A slow store may look like one: each of a round's
two statements may wait 2.5 s for a permit and 2.5 s for its answer, and still succeed.
"""
FORGOTTEN_SECONDS = 3600.0
"""Each process is a worker of its own, so those that left would add up. Asked about after this, one is new again."""


@dataclass(slots=True)
class _LastChange:
    counter: int | None
    read_number: int
    at: float


class Liveness:
    """What this worker knows of all workers' counters. Times are this process's monotonic seconds."""

    def __init__(
        self,
        dead_after_seconds: float = 5.0,
        read_interval_seconds: float = READ_INTERVAL_SECONDS,
        min_reads: int = 3,
    ) -> None:
        self._dead_after_seconds = dead_after_seconds
        self._read_interval_seconds = read_interval_seconds
        self._min_reads = min_reads
        self._reads = 0
        self._newest_read_at = 0.0
        self._outage_seconds = 0.0
        self._last_changes: dict[str, _LastChange] = {}

    def observe(self, counters: dict[str, int], now: float) -> None:
        """Takes the result of one successful read of all counters."""
        self._reads += 1
        self._newest_read_at = self._without_outages(now)
        for worker_id, counter in counters.items():
            known = self._last_changes.get(worker_id)
            if known is None or known.counter != counter:
                self._last_changes[worker_id] = _LastChange(counter, self._reads, self._newest_read_at)
        self._forget_the_long_gone(counters)

    def is_dead(self, worker_id: str) -> bool:
        """False also means: not known yet.

        One without a counter is watched from the first question on: it may be so young that no read shows it yet.
        """
        if self._reads == 0:
            return False
        unknown = _LastChange(None, self._reads, self._newest_read_at)
        last_change = self._last_changes.setdefault(worker_id, unknown)
        unchanged_reads = self._reads - last_change.read_number
        unchanged_seconds = self._newest_read_at - last_change.at
        return unchanged_reads >= self._min_reads and unchanged_seconds >= self._dead_after_seconds

    @property
    def known_count(self) -> int:
        """How many workers are remembered."""
        return len(self._last_changes)

    def _forget_the_long_gone(self, counters: Collection[str]) -> None:
        """Not whose counter is still there: it would count as having changed just now."""
        forgotten_before = self._newest_read_at - FORGOTTEN_SECONDS
        gone = self._last_changes.keys() - counters
        for worker_id in [each for each in gone if self._last_changes[each].at < forgotten_before]:
            del self._last_changes[worker_id]

    def _without_outages(self, now: float) -> float:
        pause_seconds = now - self._outage_seconds - self._newest_read_at
        if self._reads > 1 and pause_seconds > OUTAGE_SECONDS:
            self._outage_seconds += pause_seconds - self._read_interval_seconds
        return now - self._outage_seconds
