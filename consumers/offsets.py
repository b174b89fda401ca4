"""Which offsets may be committed: the contiguous finished prefix of one assignment (K9, K10). Pure.

An offset is finished only when its turn's row is ended. A tracker lives as long as one assignment of one partition;
what finishes after a revocation belongs to an old tracker and commits nothing.
"""

from collections import deque


class OffsetTracker:
    """The records taken from one partition during one assignment."""

    def __init__(self) -> None:
        self._open: deque[tuple[int, int]] = deque()
        self._finished: set[int] = set()
        self._last_taken = -1
        self._position: int | None = None
        self._committed: int | None = None
        self.oldest_open_ms: int | None = None
        """When the first record after the finished prefix was produced, as of the last `to_commit`; None: none is open.
        A plain number, for it is read on the admin server's thread."""

    def take(self, offset: int, produced_at_ms: int = 0) -> bool:
        """Notes a record that was polled. False if this assignment has it already (a refetch)."""
        if offset <= self._last_taken:
            return False
        self._last_taken = offset
        self._open.append((offset, produced_at_ms))
        self.oldest_open_ms = self._open[0][1]
        return True

    def finish(self, offset: int) -> None:
        """Notes that a record's turn has ended."""
        self._finished.add(offset)

    def to_commit(self) -> int | None:
        """The next offset to read after the finished prefix, if that moved since the last `committed`."""
        self._advance()
        return self._position if self._position != self._committed else None

    def committed(self, position: int) -> None:
        """Notes that the broker has this position."""
        self._committed = position

    @property
    def open_count(self) -> int:
        """Records taken and not finished."""
        return len(self._open) - len(self._finished)

    def _advance(self) -> None:
        while self._open and self._open[0][0] in self._finished:
            offset, _ = self._open.popleft()
            self._finished.discard(offset)
            # Offsets may have holes (compaction, transactions), so the position is one past the last of the prefix.
            self._position = offset + 1
        self.oldest_open_ms = self._open[0][1] if self._open else None
