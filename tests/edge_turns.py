"""A turn as a worker publishes it, for the tests of the edge: frames with their addresses, and what the store has."""

from dataclasses import dataclass, field

from producers.reply_producer import address_of
from schemas import codec
from schemas.errors import ErrorCode
from schemas.frames import (
    AnyTurnFrame,
    Asked,
    Completed,
    Delta,
    Failed,
    Queued,
    ServerFrame,
    Started,
    Stopped,
    Switched,
    TerminalFrame,
)
from schemas.headers import ReplyAddress
from schemas.ids import new_id, seq_of
from schemas.parts import Usage, UserMessage
from schemas.statuses import TurnStatus
from store.rows import Checkpoint, Finish, TurnRow

USAGE = Usage(3, 5, estimated=False)

Reply = tuple[ReplyAddress, bytes]


def reply(frame: ServerFrame) -> Reply:
    """A frame as the listener hands it over."""
    return address_of(frame), codec.encode(frame)


@dataclass
class Turn:
    """One turn. Each method makes the next frame; `text` is the answer after it."""

    user_id: str = field(default_factory=new_id)
    conversation_id: str = field(default_factory=new_id)
    turn_id: str = field(default_factory=new_id)
    request_id: str = field(default_factory=new_id)
    answer_id: str = field(default_factory=new_id)
    question: str = "Why?"
    attempt: int = 0
    n: int = -1
    text: str = ""

    def asked(self) -> Asked:
        return Asked(
            conversation_id=self.conversation_id,
            turn_id=self.turn_id,
            seq=0,
            request_id=self.request_id,
            user_message=UserMessage(self.question),
            model="fast",
        )

    def queued(self) -> Queued:
        return Queued(
            conversation_id=self.conversation_id,
            turn_id=self.turn_id,
            attempt=max(1, self.attempt),
            position=1,
            eta_ms=500,
            reason="workers_busy",
        )

    def started(self) -> Started:
        self.attempt, self.n, self.text = self.attempt + 1, -1, ""
        return Started(
            **self._next(),
            request_id=self.request_id,
            attempt=self.attempt,
            model="fast",
            user_message=UserMessage(self.question, id=new_id()),
            answer_id=self.answer_id,
        )

    def delta(self, text: str = "word ") -> Delta:
        self.text += text
        return Delta(**self._next(), text=text)

    def reasoning(self, text: str = "hm ") -> Delta:
        return Delta(**self._next(), text=text, kind="reasoning")

    def switched(self, keep: int) -> Switched:
        self.text = self.text[:keep]
        return Switched(**self._next(), keep=keep, from_model="fast", to_model="smart", reason="provider_failed")

    def completed(self) -> Completed:
        return Completed(**self._next(), finish_reason="stop", usage=USAGE, model="fast", answer_id=self.answer_id)

    def stopped(self) -> Stopped:
        return Stopped(**self._next(), finish_reason="stopped", usage=USAGE, model="fast", answer_id=self.answer_id)

    def failed(self) -> Failed:
        code = ErrorCode.PROVIDER_FAILED
        return Failed(**self._next(), code=code, text=code.text, temporary=True, answer_id=self.answer_id)

    def checkpoint(self) -> Checkpoint:
        return Checkpoint(attempt=self.attempt, seq=seq_of(self.attempt, self.n), text=self.text, model="fast")

    def row(self, **fields: object) -> TurnRow:
        """The open turn's row."""
        row = {
            "turn_id": self.turn_id,
            "user_id": self.user_id,
            "conversation_id": self.conversation_id,
            "version": 1,
            "attempt": self.attempt,
            "question": UserMessage(self.question),
            "answer_id": self.answer_id,
        }
        return TurnRow(**(row | fields))

    def ended_row(self, terminal: TerminalFrame) -> TurnRow:
        """The row once `terminal` is stored."""
        finish = Finish(
            status=TurnStatus(codec.kind_of(terminal)),
            text=self.text,
            model="fast",
            terminal_frame=codec.encode(terminal),
            terminal_kind=codec.kind_of(terminal),
            terminal_seq=terminal.seq,
            finished_at_ms=1_770_000_000_000,
        )
        return self.row(finish=finish, usage_by_attempt={self.attempt: USAGE})

    def _next(self) -> dict[str, object]:
        self.n += 1
        seq = seq_of(self.attempt, self.n)
        return {"conversation_id": self.conversation_id, "turn_id": self.turn_id, "seq": seq}


def answer_frames(turn: Turn, words: int) -> list[AnyTurnFrame]:
    """`started`, that many deltas, `completed`."""
    return [turn.started(), *(turn.delta(f"w{n} ") for n in range(words)), turn.completed()]
