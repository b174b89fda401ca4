"""One client's strict reading of one turn: what arrived out of its row, what was shown, how it ended.

In: the frames of the turn as they came to one client, across its sessions. Out: `ClientReading`.

It is as strict as `samvad_client/strict.py`: where a resume begins, frames may lie anywhere up to the last one plus
one; from there on each must follow. Other than there, a frame that is missing and comes before the next resume,
snapshot or attempt is LATE, not SKIPPED: a swap is one cause. What was shown is what the client rule makes of it.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from infra.prove.checking.irregular import Irregular, Kind
from infra.prove.checking.turns import Seen
from samvad_client.reducer import apply
from samvad_client.turn_view import TurnView
from schemas.frames import AnyTurnFrame, Asked, Completed, Failed, Queued, Snapshot, Started, Stopped
from schemas.ids import attempt_of, seq_of
from schemas.statuses import TurnStatus

NOTHING = -1

End = tuple[TurnStatus, int]
"""How a turn ended, and its last frame's number."""

_STATUS_OF: dict[type[AnyTurnFrame], TurnStatus] = {
    Completed: TurnStatus.COMPLETED,
    Stopped: TurnStatus.STOPPED,
    Failed: TurnStatus.FAILED,
}


@dataclass(slots=True, eq=False)
class ClientReading:
    """What one client made of a turn. `ends`: every end it was told, with the time of the first."""

    client: str
    view: TurnView
    irregular: list[Irregular] = field(default_factory=list)
    ends: dict[End, float] = field(default_factory=dict)

    @property
    def end(self) -> End | None:
        return next(iter(self.ends), None)


def read(client: str, frames: Iterable[Seen]) -> ClientReading:
    """Reads all frames of a turn at a client, in the order of arrival."""
    reader = _Reader(client)
    for seen in frames:
        reader.take(seen)
    reader.close_holes()
    return reader.reading


class _Reader:
    def __init__(self, client: str) -> None:
        self.reading = ClientReading(client, TurnView(conversation_id=""))
        self._last = NOTHING
        self._numbers: set[int] = set()
        self._covered: dict[int, int] = {}
        self._holes: set[int] = set()

    def take(self, seen: Seen) -> None:
        frame = seen.frame
        if not isinstance(frame, Queued):
            self._place(frame, seen.may_repeat)
            self._numbers.add(frame.seq)
            if (status := _end_of(frame)) is not None:
                self.reading.ends.setdefault((status, frame.seq), seen.at)
        apply(self.reading.view, frame)

    def close_holes(self) -> None:
        """What is missing now was missing when the client had to go on without it."""
        if self._holes:
            self._note(Kind.SKIPPED, min(self._holes))
        self._holes = set()

    def _place(self, frame: AnyTurnFrame, may_repeat: bool) -> None:
        end = self.reading.end
        if end is not None and self._is_past_end(frame, end, may_repeat):
            return
        if isinstance(frame, Snapshot):
            self._place_snapshot(frame, may_repeat)
        elif frame.seq <= self._last:
            self._go_back(frame.seq, may_repeat)
        elif attempt_of(frame.seq) > attempt_of(self._last):
            self._enter_attempt(frame)
        else:
            self._go_on(frame.seq)

    def _is_past_end(self, frame: AnyTurnFrame, end: End, may_repeat: bool) -> bool:
        """An ended turn may be told again up to its end. Another end is `two_ends.py`'s to say."""
        status = _end_of(frame)
        if status is not None:
            # The same end by a snapshot changes nothing, whoever asked for it; a frame may come again in a resume only.
            is_repeat = end == (status, frame.seq) and not isinstance(frame, Snapshot)
            if is_repeat and not may_repeat and self._last >= end[1]:
                self._note(Kind.REPEATED, frame.seq)
            self._last = max(self._last, frame.seq)
            return True
        if frame.seq > end[1]:
            self._note(Kind.AFTER_END, frame.seq)
            return True
        return False

    def _place_snapshot(self, frame: Snapshot, may_repeat: bool) -> None:
        self.close_holes()
        if frame.seq < self._last and not may_repeat and not frame.status.is_terminal:
            self._note(Kind.LATE, frame.seq)
            return
        self._last = frame.seq
        self._covered[attempt_of(frame.seq)] = frame.seq

    def _go_back(self, seq: int, may_repeat: bool) -> None:
        if may_repeat:
            self.close_holes()
            self._last = seq
        elif seq in self._holes:
            self._holes.discard(seq)
            self._note(Kind.LATE, seq)
        else:
            self._note(Kind.REPEATED if self._had(seq) else Kind.LATE, seq)

    def _had(self, seq: int) -> bool:
        return seq in self._numbers or seq <= self._covered.get(attempt_of(seq), NOTHING)

    def _enter_attempt(self, frame: AnyTurnFrame) -> None:
        self.close_holes()
        first = seq_of(attempt_of(frame.seq), 0)
        begins = isinstance(frame, Started) or (isinstance(frame, Asked) and self._last == NOTHING)
        if frame.seq > first or not begins:
            self._holes = set(range(first, max(frame.seq, first + 1)))
        self._last = frame.seq

    def _go_on(self, seq: int) -> None:
        self._holes.update(range(self._last + 1, seq))
        self._last = seq

    def _note(self, kind: Kind, seq: int) -> None:
        self.reading.irregular.append(Irregular(kind, f"client {self.reading.client}", seq))


def _end_of(frame: AnyTurnFrame) -> TurnStatus | None:
    if isinstance(frame, Snapshot):
        return frame.status if frame.status.is_terminal else None
    return _STATUS_OF.get(type(frame))
