"""What one session is sent: its outbox, and the turns whose live frames it can't simply be handed.

In: deliverable replies of the conversations it watches. Out: bytes to send, in order. Pure.

A turn needs care in two cases. The client's *cursor* is known and differs from this edge's: it waits for the store, or
it has seen more than this edge; then frames come by replay from that cursor. Or it is *owed a snapshot*, because a
slow reader's deltas were taken out of the outbox, or because so much waits that another long text has to wait its turn.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from schemas import codec
from schemas.frames import ServerFrame
from schemas.headers import ReplyAddress
from ws_edge.outbox import Outbox
from ws_edge.text_now import SendNow, never
from ws_edge.turn_in_flight import TERMINAL_STATUS

NOTHING_SEEN = -1


class Turns(Protocol):
    """The turns in flight, as a feed needs them."""

    def snapshot(self, turn_id: str, through: int | None = None) -> bytes | None: ...
    def replay(self, turn_id: str, after: int) -> list[bytes]: ...
    def is_ahead(self, turn_id: str, cursor: int) -> bool: ...
    def conversation_of(self, turn_id: str) -> str | None: ...


@dataclass(frozen=True, slots=True)
class _Cursor:
    conversation_id: str
    seq: int


def _nobody() -> None:
    """The wake-up call of a feed that nobody drains."""


class Feed:
    """One session's outgoing side. `send_now` sends a frame before which none waits, or says that it can't;
    `wake` is called whenever something waits.
    """

    __slots__ = ("_cursors", "_owed", "_send_now", "_turns", "_wake", "outbox", "user_id", "watched")

    def __init__(
        self,
        user_id: str,
        turns: Turns,
        outbox: Outbox,
        wake: Callable[[], None] = _nobody,
        send_now: SendNow = never,
    ) -> None:
        self.user_id = user_id
        self.outbox = outbox
        self.watched: set[str] = set()
        self._turns = turns
        self._wake = wake
        self._send_now = send_now
        self._cursors: dict[str, _Cursor] = {}
        self._owed: dict[str, None] = {}

    def say(self, frame: ServerFrame) -> None:
        """Queues a frame that is not a turn's."""
        self.push_unnumbered(codec.encode(frame))

    def push_unnumbered(self, raw: bytes) -> None:
        """Queues an encoded frame without a seq."""
        self._push(raw, None, is_delta=False)

    def deliver(self, address: ReplyAddress, raw: bytes) -> None:
        """Hands over a joined turn's newest frame. An end for which there is no room is awaited from the store."""
        turn_id, seq = address.turn_id, address.seq
        if turn_id is None or seq is None:
            self._push(raw, None, is_delta=False)
        elif address.kind in TERMINAL_STATUS and self._has_to_wait(turn_id):
            self.forget(turn_id)
            self.await_turn(address.conversation_id, turn_id)
        elif turn_id in self._cursors:
            self._deliver_from_cursor(turn_id, seq, address.kind)
        elif turn_id in self._owed:
            self._deliver_owed(turn_id, seq, address.kind, raw)
        else:
            self._push(raw, turn_id, address.kind == "delta")

    def send_missing(self, conversation_id: str, turn_id: str, cursor: int) -> int:
        """Brings a client that applied everything up to `cursor` up to this edge; or waits while it is ahead.

        How many frames it was sent, or is owed.
        """
        self.forget(turn_id)
        if self._turns.is_ahead(turn_id, cursor):
            self._cursors[turn_id] = _Cursor(conversation_id, cursor)
            return 0
        missing = self._turns.replay(turn_id, cursor)
        if missing and self.outbox.is_crowded:
            self._owed[turn_id] = None
            return 1
        for raw in missing:
            self._push(raw, turn_id, is_delta=False)
        return len(missing)

    def show(self, turn_id: str) -> None:
        """A snapshot of an open, joined turn: now, or once the client has read what waits."""
        self.forget(turn_id)
        if self.outbox.is_crowded:
            self._owed[turn_id] = None
        else:
            self._push_snapshot(turn_id, None)

    def send_snapshot(self, turn_id: str, raw: bytes) -> None:
        """Replaces all that the client has of a turn."""
        self.forget(turn_id)
        self._push(raw, turn_id, is_delta=False)

    def send_end(self, turn_id: str, seq: int, raw: bytes) -> None:
        """A joined turn's terminal frame for a client that may know nothing of it: first all that is before it."""
        self.forget(turn_id)
        self._push_snapshot(turn_id, seq - 1)
        self._push(raw, turn_id, is_delta=False)

    def await_turn(self, conversation_id: str, turn_id: str, cursor: int = NOTHING_SEEN) -> None:
        """Sends nothing of this turn until it is joined; then what is missing above the cursor."""
        self._cursors.setdefault(turn_id, _Cursor(conversation_id, cursor))

    def cursor_of(self, turn_id: str) -> int | None:
        """Where the client of a turn that needs care stands; None if it simply follows."""
        cursor = self._cursors.get(turn_id)
        return None if cursor is None else cursor.seq

    def forget(self, turn_id: str) -> None:
        """This turn needs no care any more."""
        self._cursors.pop(turn_id, None)
        self._owed.pop(turn_id, None)

    def forget_conversation(self, conversation_id: str) -> None:
        """The conversation is watched no more, or anew."""
        for turn_id in [key for key, cursor in self._cursors.items() if cursor.conversation_id == conversation_id]:
            del self._cursors[turn_id]
        for turn_id in [key for key in self._owed if self._turns.conversation_of(key) == conversation_id]:
            del self._owed[turn_id]

    def close(self) -> None:
        """The session is over: it is called no more, and not referred to, which no garbage collector should need. What
        was queued can still be drained.
        """
        self._wake, self._send_now = _nobody, never

    def next_to_send(self) -> bytes | None:
        """The next frame for the socket. Snapshots that are owed come when the queue is nearly empty."""
        while self._owed and self.outbox.is_nearly_empty:
            turn_id = next(iter(self._owed))
            del self._owed[turn_id]
            if (raw := self._turns.snapshot(turn_id)) is not None:
                self._queue(raw, turn_id, is_delta=False)
        return self.outbox.pop()

    def _push(self, raw: bytes, turn_id: str | None, is_delta: bool) -> None:
        """Sends it, or queues it behind what waits."""
        if self.outbox or not self._send_now(raw):
            self._queue(raw, turn_id, is_delta)
            self._wake()

    def _queue(self, raw: bytes, turn_id: str | None, is_delta: bool) -> None:
        self.outbox.push(raw, turn_id, is_delta)
        if self.outbox.is_crowded:
            taken_out = self.outbox.take_out_deltas()
            self._owed |= dict.fromkeys(each for each in taken_out if self._turns.conversation_of(each) in self.watched)

    def _push_snapshot(self, turn_id: str, through: int | None) -> None:
        raw = self._turns.snapshot(turn_id, through)
        if raw is not None:
            self._push(raw, turn_id, is_delta=False)

    def _has_to_wait(self, turn_id: str) -> bool:
        """True of an end that needs the whole text before it, while too much waits already."""
        return self.outbox.is_crowded and (turn_id in self._owed or turn_id in self._cursors)

    def _deliver_owed(self, turn_id: str, seq: int, kind: str, raw: bytes) -> None:
        if kind == "delta" or self.outbox.is_crowded:
            return  # the snapshot will have it
        del self._owed[turn_id]
        if kind != "started":  # it empties the shown answer, so nothing before it is missed
            self._push_snapshot(turn_id, seq - 1)
        self._push(raw, turn_id, is_delta=False)

    def _deliver_from_cursor(self, turn_id: str, seq: int, kind: str) -> None:
        cursor = self._cursors[turn_id]
        if seq > cursor.seq:
            self.send_missing(cursor.conversation_id, turn_id, cursor.seq)
        elif kind in TERMINAL_STATUS:  # such a client ends the turn by its snapshot, whatever the seq (DESIGN 4)
            del self._cursors[turn_id]
            self._push_snapshot(turn_id, None)
