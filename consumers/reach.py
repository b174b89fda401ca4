"""How far each owned partition is read, and how far it goes. Pure.

In: positions as they are polled, ends as fetches and the broker report them. Out: what nobody polled yet. Read on the
admin server's thread too, so what is iterated there is a copy.
"""

from collections.abc import Iterable
from typing import Generic, TypeVar

P = TypeVar("P")


class Reach(Generic[P]):
    """Of the partitions owned now. What is not known yet counts as nothing to read."""

    def __init__(self) -> None:
        self._positions: dict[P, int | None] = {}
        self._ends: dict[P, int] = {}

    def assign(self, partitions: Iterable[P]) -> None:
        """A new assignment: positions are the broker's to say."""
        for partition in partitions:
            self._positions[partition] = None

    def revoke(self, partitions: Iterable[P]) -> None:
        for partition in partitions:
            self._positions.pop(partition, None)
            self._ends.pop(partition, None)

    def read_to(self, partition: P, position: int) -> None:
        """The next offset that would be polled."""
        if partition in self._positions:
            self._positions[partition] = position

    def ends_at(self, partition: P, end: int | None) -> None:
        """The offset that the next record will get. Reports may overtake each other: it only grows."""
        if end is not None and partition in self._positions:
            self._ends[partition] = max(end, self._ends.get(partition, 0))

    def position(self, partition: P) -> int | None:
        """None: not known yet, or not ours."""
        return self._positions.get(partition)

    def unread(self) -> dict[P, int]:
        """Records that nobody polled yet, by partition."""
        return {
            partition: 0 if position is None else max(0, self._ends.get(partition, 0) - position)
            for partition, position in self._positions.copy().items()
        }
