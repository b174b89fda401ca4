"""The execution record of one attempt: each step of answering reads it and adds to it."""

from dataclasses import dataclass, field

from opentelemetry.trace import Span

from consumers.attempt_frames import AttemptFrames
from consumers.claiming import Take
from consumers.context import Context
from consumers.history import Path
from consumers.running_turns import RunningTurn
from observability.tracing import traceparent_of
from schemas.errors import ErrorCode
from schemas.requests import ChatRequest
from store.rows import Checkpoint, TurnRow


@dataclass(slots=True)
class Attempt:
    """One claimed try at a turn. `row` is the newest state of the turn's row that we wrote.

    `asked`: a provider may have been called, so that the attempt has a price.
    """

    request: ChatRequest
    running: RunningTurn
    take: Take
    row: TurnRow
    path: Path
    frames: AttemptFrames
    span: Span
    cannot_be_answered: ErrorCode | None = None
    context: Context | None = None
    earlier: Checkpoint | None = None
    asked: bool = False
    answered_by: str = field(default="")

    @property
    def traceparent(self) -> str:
        return traceparent_of(self.span)

    @property
    def model(self) -> str:
        """The alias that answered, or that was asked for."""
        return self.answered_by or self.request.model
