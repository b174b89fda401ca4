"""Which offsets may be committed: the contiguous finished prefix of one assignment (K9, K10). Pure.

An offset is finished only when its turn's row is ended. A tracker lives as long as one assignment of one partition;
what finishes after a revocation belongs to an old tracker and commits nothing.
"""


class OffsetTracker:
    """The records taken from one partition during one assignment."""

    def __init__(self) -> None:
        self._taken: list[int] = []
        self._first_open = 0
        self._finished: set[int] = set()
        self._committed: int | None = None

    def take(self, offset: int) -> bool:
        """Notes a record that was polled. False if this assignment has it already (a refetch)."""
        if self._taken and offset <= self._taken[-1]:
            return False
        self._taken.append(offset)
        return True

    def finish(self, offset: int) -> None:
        """Notes that a record's turn has ended."""
        self._finished.add(offset)

    def to_commit(self) -> int | None:
        """The next offset to read after the finished prefix, if that moved since the last `committed`."""
        self._advance()
        position = self._position()
        return position if position is not None and position != self._committed else None

    def committed(self, position: int) -> None:
        """Notes that the broker has this position."""
        self._committed = position

    @property
    def open_count(self) -> int:
        """Records taken and not finished."""
        return len(self._taken) - self._first_open - len(self._finished)

    def _advance(self) -> None:
        while self._first_open < len(self._taken) and self._taken[self._first_open] in self._finished:
            self._finished.discard(self._taken[self._first_open])
            self._first_open += 1
        if self._first_open > 1_000:
            del self._taken[: self._first_open - 1]
            self._first_open = 1

    def _position(self) -> int | None:
        # Offsets may have holes (compaction, transactions), so the position is one past the last of the prefix.
        return self._taken[self._first_open - 1] + 1 if self._first_open else None
