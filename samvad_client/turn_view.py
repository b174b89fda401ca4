"""What a client knows of one turn. Plain data; `reducer.py` alone changes it, one frame at a time.

In: nothing. Out: `TurnView` and the text type that makes long answers cheap to grow.
"""

from dataclasses import dataclass, field

from schemas.errors import ErrorCode
from schemas.frames import Queued, Rejected, Switched
from schemas.ids import attempt_of
from schemas.parts import Usage
from schemas.statuses import TurnStatus

NOTHING_APPLIED = -1


class GrowingText:
    """Text that grows by pieces: adding one costs the piece, reading joins what came since the last read."""

    def __init__(self, text: str = "") -> None:
        self._parts = [text]

    def __str__(self) -> str:
        if len(self._parts) > 1:
            self._parts = ["".join(self._parts)]
        return self._parts[0]

    def append(self, piece: str) -> None:
        self._parts.append(piece)

    def cut(self, keep: int) -> None:
        """Keeps the first `keep` Unicode code points."""
        self._parts = [str(self)[:keep]]


@dataclass(slots=True, eq=False, kw_only=True)
class TurnView:
    """One turn as it stands. `seq` is the last applied frame number, -1 before the first.

    `turn_id` is None until the edge named it, `request_id` is None for turns that are only known by a snapshot.
    `version` grows with every change, so a reader can tell whether it has seen the newest.
    """

    conversation_id: str
    turn_id: str | None = None
    request_id: str | None = None
    seq: int = NOTHING_APPLIED
    question: str = ""
    question_id: str | None = None
    """The question's message id, which `regenerate` takes; known with the first frame of an attempt."""
    status: TurnStatus = TurnStatus.QUEUED
    model: str = ""
    answer_id: str | None = None
    usage: Usage | None = None
    finish_reason: str | None = None
    code: ErrorCode | None = None
    failure: str | None = None
    """The sentence of a `failed` turn or a `rejected` request."""
    waiting: Queued | None = None
    """The newest `queued`, while nothing moves."""
    switches: list[Switched] = field(default_factory=list)
    """The model switches inside the current attempt, oldest first."""
    rejection: Rejected | None = None
    """The edge's refusal: this request never became a turn."""
    is_held: bool = False
    """There was a hole: nothing is applied until a snapshot or the missing frame comes."""
    stop_asked: bool = False
    owes_stop: bool = False
    """An edge did not know the turn that is to be stopped: `stop` is said once it does."""
    version: int = 0
    answer_text: GrowingText = field(default_factory=GrowingText)
    reasoning_text: GrowingText = field(default_factory=GrowingText)

    @property
    def answer(self) -> str:
        return str(self.answer_text)

    @property
    def reasoning(self) -> str:
        """What the model thought aloud before its answer: shown apart, never a part of it."""
        return str(self.reasoning_text)

    @property
    def attempt(self) -> int:
        """The attempt whose frames are shown; 0 before the first `started`."""
        return max(0, attempt_of(self.seq))

    @property
    def has_ended(self) -> bool:
        """Nothing more will happen to it: a terminal frame was applied, or the request was rejected."""
        return self.status.is_terminal or self.rejection is not None
