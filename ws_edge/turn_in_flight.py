"""One open turn as this edge knows it: the text up to some frame, and every frame above it.

In: its replies, in the order of the log. Out: a verdict on each, replays and snapshots. Pure.

A turn is *joined* while nothing is missing between its text and its newest frame. At a hole (a frame first met in the
middle, or one left out) the frames from there on are held until a stored text reaches up to them (DESIGN 6.8).
"""

from enum import Enum, auto

from schemas.ids import attempt_of, n_of
from schemas.statuses import TurnStatus
from ws_edge.shown import Numbered, Shown

KEPT_FRAMES = 128
"""About five seconds of a stream: who comes back later gets a snapshot. 10,000 open turns then take some 250 MB."""
KEPT_BYTES = 128 * 1024

TERMINAL_STATUS = {
    "completed": TurnStatus.COMPLETED,
    "stopped": TurnStatus.STOPPED,
    "failed": TurnStatus.FAILED,
}
_OPENING_KINDS = ("asked", "started")


class Verdict(Enum):
    """What to do with a reply."""

    DELIVER = auto()
    """Hand it to whoever watches."""
    DROP = auto()
    """A repeat, a lower attempt, or a turn that has ended."""
    HOLE = auto()
    """Something before it is missing: send nothing more of the turn but a snapshot."""


class TurnInFlight:
    """An open turn. `last_seq` is -1 while no numbered frame was met."""

    __slots__ = (
        "_base",
        "_tail",
        "_tail_bytes",
        "accepted_at",
        "conversation_id",
        "delta_at",
        "doubted",
        "heard_at",
        "is_joined",
        "last_seq",
        "repeat_asked_at",
        "started_at",
        "status",
        "turn_id",
        "user_id",
        "worker_spoke_at",
    )

    def __init__(self, user_id: str, conversation_id: str, turn_id: str, now: float) -> None:
        self.user_id = user_id
        self.conversation_id = conversation_id
        self.turn_id = turn_id
        self.status = TurnStatus.QUEUED
        self.is_joined = False
        self.doubted = False
        self.last_seq = -1
        self.heard_at = now
        self.repeat_asked_at = now
        self.accepted_at: float | None = None
        self.delta_at: float | None = None
        self.started_at: float | None = None
        self.worker_spoke_at: float | None = None
        self._base = Shown()
        self._tail: list[Numbered] = []
        self._tail_bytes = 0

    def apply(self, kind: str, seq: int, raw: bytes) -> Verdict:
        """Takes the turn's next reply."""
        if seq <= self.last_seq:
            self.doubted |= 0 < attempt_of(seq) < attempt_of(self.last_seq)
            return Verdict.DROP
        if n_of(seq) == 0 and kind in _OPENING_KINDS:
            self._open_attempt()
        elif seq != self.last_seq + 1 or n_of(seq) == 0:
            self._open_hole()
        self._keep(seq, raw)
        self.status = self._status_after(kind)
        return Verdict.DELIVER if self.is_joined else Verdict.HOLE

    def join(self, stored: Shown) -> bool:
        """Goes on from a stored text. False if frames are missing between it and the first one held."""
        if self._tail and stored.seq < self._tail[0][0] - 1:
            return False
        self._tail = [frame for frame in self._tail if frame[0] > stored.seq]
        self._tail_bytes = sum(len(raw) for _, raw in self._tail)
        self._base = stored
        self.last_seq = max(self.last_seq, stored.seq)
        if not self.status.is_terminal:
            self.status = TurnStatus.RUNNING if self._tail else stored.status
        self.is_joined, self.doubted = True, False
        return True

    def replay(self, after: int) -> list[bytes]:
        """For a client that applied everything up to `after`: the frames above, or one snapshot, or nothing."""
        if after >= self.last_seq:
            return []
        if not self.keeps_all_above(after):
            return [self.snapshot()]
        return [raw for seq, raw in self._tail if seq > after]

    def keeps_all_above(self, after: int) -> bool:
        """True if a client at `after` can be brought up by frames, without a snapshot."""
        # An attempt's first frame empties the shown answer, so it can be entered from any lower one.
        return bool(self._tail) and (n_of(self._tail[0][0]) == 0 or self._tail[0][0] <= after + 1)

    def shown(self, through: int | None = None) -> Shown:
        """What a joined turn shows after its newest frame, or after the frame `through`."""
        return self._base.after(frame for frame in self._tail if through is None or frame[0] <= through)

    def snapshot(self, through: int | None = None) -> bytes:
        """One frame that says all there is, or all up to the frame `through`."""
        return self.shown(through).snapshot(self.conversation_id, self.turn_id)

    def asked_frame(self) -> bytes | None:
        """The `asked` of a turn that nobody has started yet."""
        is_unstarted = self.last_seq == 0 and len(self._tail) == 1
        return self._tail[0][1] if is_unstarted else None

    def _open_attempt(self) -> None:
        self.is_joined, self.doubted = True, False
        self._base, self._tail, self._tail_bytes = Shown(), [], 0

    def _open_hole(self) -> None:
        self.is_joined, self.doubted = False, True
        self._tail, self._tail_bytes = [], 0

    def _keep(self, seq: int, raw: bytes) -> None:
        self.last_seq = seq
        self._tail.append((seq, raw))
        self._tail_bytes += len(raw)
        if len(self._tail) > KEPT_FRAMES or self._tail_bytes > KEPT_BYTES:
            self._shorten()

    def _shorten(self) -> None:
        """Lets go of the older half. Of a turn with a hole it is simply gone: a later checkpoint will cover it."""
        half = len(self._tail) // 2
        older, self._tail = self._tail[:half], self._tail[half:]
        self._tail_bytes = sum(len(raw) for _, raw in self._tail)
        if self.is_joined:
            self._base = self._base.after(older)

    def _status_after(self, kind: str) -> TurnStatus:
        if kind == "asked":
            return TurnStatus.QUEUED
        return TERMINAL_STATUS.get(kind, TurnStatus.RUNNING)
