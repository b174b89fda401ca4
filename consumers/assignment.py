"""What this worker may commit: one tracker per assigned partition, new with every assignment (K10). Pure."""

from collections.abc import Iterable
from typing import Generic, TypeVar

from consumers.offsets import OffsetTracker

P = TypeVar("P")


class Assignment(Generic[P]):
    """The partitions owned now; `P` is whatever names a partition."""

    def __init__(self) -> None:
        self._trackers: dict[P, OffsetTracker] = {}

    def assign(self, partitions: Iterable[P]) -> None:
        """A new assignment: what was taken in an older one commits nothing any more."""
        for partition in partitions:
            self._trackers[partition] = OffsetTracker()

    def revoke(self, partitions: Iterable[P]) -> None:
        for partition in partitions:
            self._trackers.pop(partition, None)

    def tracker(self, partition: P) -> OffsetTracker | None:
        """None: not ours."""
        return self._trackers.get(partition)

    def owns(self, partition: P, tracker: OffsetTracker) -> bool:
        """True if a record taken with `tracker` still belongs to the present assignment."""
        return self._trackers.get(partition) is tracker

    def to_commit(self) -> dict[P, int]:
        """The positions that moved."""
        positions = {partition: tracker.to_commit() for partition, tracker in self._trackers.items()}
        return {partition: position for partition, position in positions.items() if position is not None}

    @property
    def open_count(self) -> int:
        """Records taken and not finished, of all partitions owned now."""
        return sum(tracker.open_count for tracker in self._trackers.copy().values())

    @property
    def oldest_open_ms(self) -> int | None:
        """When the oldest of them was produced; None if there is none."""
        produced_at_ms = [tracker.oldest_open_ms for tracker in self._trackers.copy().values()]
        return min((at_ms for at_ms in produced_at_ms if at_ms is not None), default=None)

    def committed(self, positions: dict[P, int]) -> None:
        for partition, position in positions.items():
            if tracker := self._trackers.get(partition):
                tracker.committed(position)
