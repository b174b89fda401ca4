"""What a turn shows, and the one frame that says all of it.

In: a turn's raw frames in order, or what the store has of it. Out: `Shown`, and `snapshot` frames. Pure.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from schemas import codec
from schemas.errors import ErrorCode
from schemas.frames import AnyTurnFrame, Asked, Completed, Delta, Failed, Snapshot, Started, Stopped, Switched
from schemas.parts import Usage, UserMessage
from schemas.statuses import TurnStatus
from store.rows import Checkpoint, Finish, TurnRow, total_of

Numbered = tuple[int, bytes]
"""A frame's seq and its bytes as the socket will send them."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A turn as a client shows it that applied every frame up to `seq`. Reasoning is no part of `text`."""

    seq: int = 0
    status: TurnStatus = TurnStatus.QUEUED
    text: str = ""
    model: str = ""
    answer_id: str | None = None
    user_message: UserMessage | None = None
    usage: Usage | None = None
    code: ErrorCode | None = None

    def after(self, frames: Iterable[Numbered]) -> "Shown":
        """The same turn, these frames later. A frame that can't be read changes nothing but the seq."""
        shown, seq = self, self.seq
        pieces: list[str] = []
        for frame_seq, raw in frames:
            seq, frame = frame_seq, _read(raw)
            if isinstance(frame, Delta):
                pieces.append("" if frame.kind == "reasoning" else frame.text)
            elif frame is not None:
                shown, pieces = _changed_by(frame, shown._with(pieces)), []
        return replace(shown._with(pieces), seq=seq)

    def snapshot(self, conversation_id: str, turn_id: str) -> bytes:
        """The `snapshot` frame, encoded."""
        return codec.encode(
            Snapshot(
                conversation_id=conversation_id,
                turn_id=turn_id,
                seq=self.seq,
                text=self.text,
                status=self.status,
                model=self.model,
                answer_id=self.answer_id,
                user_message=self.user_message,
                usage=self.usage,
                code=self.code,
            )
        )

    def _with(self, pieces: list[str]) -> "Shown":
        return replace(self, text="".join([self.text, *pieces])) if pieces else self


def shown_by_store(row: TurnRow, checkpoint: Checkpoint | None) -> Shown:
    """What the store has of a turn: its end, or the newest checkpoint, or merely that somebody claimed it."""
    shown = Shown(
        status=TurnStatus.RUNNING if row.attempt else TurnStatus.QUEUED,
        answer_id=row.answer_id,
        user_message=row.question,
    )
    if row.finish is not None:
        return _ended(shown, row, row.finish)
    if checkpoint is None:
        return shown
    return replace(shown, seq=checkpoint.seq, text=checkpoint.text, model=checkpoint.model)


def _ended(shown: Shown, row: TurnRow, finish: Finish) -> Shown:
    return replace(
        shown,
        seq=finish.terminal_seq,
        status=finish.status,
        text=finish.text,
        model=finish.model,
        usage=total_of(row.usage_by_attempt),
        code=finish.code,
    )


def _read(raw: bytes) -> AnyTurnFrame | None:
    try:
        return codec.decode_turn_frame(raw)
    except codec.Unreadable:
        return None


def _changed_by(frame: AnyTurnFrame, shown: Shown) -> Shown:
    match frame:
        case Asked():
            return Shown(model=frame.model, user_message=frame.user_message)
        case Started():
            return Shown(
                status=TurnStatus.RUNNING,
                model=frame.model,
                answer_id=frame.answer_id,
                user_message=frame.user_message,
            )
        case Switched():
            return replace(shown, text=shown.text[: frame.keep], model=frame.to_model)
        case Completed() | Stopped():
            status = TurnStatus.COMPLETED if isinstance(frame, Completed) else TurnStatus.STOPPED
            return replace(shown, status=status, usage=frame.usage, model=frame.model, answer_id=frame.answer_id)
        case Failed():
            return replace(shown, status=TurnStatus.FAILED, code=frame.code, answer_id=frame.answer_id)
        case _:
            return shown
