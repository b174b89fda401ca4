"""A session's outgoing queue: in order, bounded, and kind to slow readers.

In: encoded frames. Out: the same, in order, except that trailing deltas of a turn may be taken out; the caller then
owes that turn one snapshot. Nothing but deltas is ever taken out. Pure.
"""

from collections import deque
from dataclasses import dataclass

FRAME_OVERHEAD_BYTES = 120
"""What a queued frame costs in memory beside its own bytes."""


@dataclass(frozen=True, slots=True)
class _Waiting:
    raw: bytes
    turn_id: str | None
    is_delta: bool

    @property
    def cost_bytes(self) -> int:
        return len(self.raw) + FRAME_OVERHEAD_BYTES


class Outbox:
    """Frames waiting to be sent.

    `outbox_bytes`: above it `is_crowded`, and deltas should give way. `hard_bytes`: above it nothing more is taken and
    `is_overflowed` stays true; the session must be closed. The largest frame does not count for that: there is always
    room for one snapshot, however long the answer is.
    """

    __slots__ = ("_hard_bytes", "_largest_bytes", "_outbox_bytes", "_waiting", "is_overflowed", "waiting_bytes")

    def __init__(self, outbox_bytes: int, hard_bytes: int) -> None:
        self._outbox_bytes = outbox_bytes
        self._hard_bytes = hard_bytes
        self._waiting: deque[_Waiting] = deque()
        self._largest_bytes = 0
        self.waiting_bytes = 0
        self.is_overflowed = False

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def is_crowded(self) -> bool:
        return self.waiting_bytes > self._outbox_bytes

    @property
    def is_nearly_empty(self) -> bool:
        """Below a quarter: time for the snapshots that are owed."""
        return self.waiting_bytes <= self._outbox_bytes // 4

    def push(self, raw: bytes, turn_id: str | None = None, is_delta: bool = False) -> None:
        """Queues a frame; `turn_id` for numbered frames of a turn."""
        if self.waiting_bytes - self._largest_bytes > self._hard_bytes:
            self.is_overflowed = True
            return
        waiting = _Waiting(raw, turn_id, is_delta)
        self._waiting.append(waiting)
        self.waiting_bytes += waiting.cost_bytes
        self._largest_bytes = max(self._largest_bytes, waiting.cost_bytes)

    def pop(self) -> bytes | None:
        """The next frame to send."""
        if not self._waiting:
            self._largest_bytes = 0
            return None
        waiting = self._waiting.popleft()
        self.waiting_bytes -= waiting.cost_bytes
        return waiting.raw

    def take_out_deltas(self) -> set[str]:
        """Takes out each turn's deltas behind its last other frame, and names the turns that are owed a snapshot.

        Deltas before another frame of their turn stay: their text may be known no more, and they fitted once.
        """
        kept: deque[_Waiting] = deque()
        owed: set[str] = set()
        closed: set[str | None] = {None}
        for waiting in reversed(self._waiting):
            if waiting.is_delta and waiting.turn_id not in closed and waiting.turn_id is not None:
                owed.add(waiting.turn_id)
                self.waiting_bytes -= waiting.cost_bytes
            else:
                closed.add(waiting.turn_id)
                kept.appendleft(waiting)
        self._waiting = kept
        return owed

    def clear(self) -> None:
        """Drops everything: nobody will read it."""
        self._waiting.clear()
        self.waiting_bytes = 0
