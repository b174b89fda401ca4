"""The execution record of one attempt: each step of answering reads it and adds to it."""

import time
from dataclasses import dataclass, field

from consumers.attempt_frames import AttemptFrames
from consumers.claiming import Take
from consumers.context import Context, estimate_tokens
from consumers.history import Path
from consumers.legs import Legs
from consumers.running_turns import RunningTurn
from observability.turn_trace import TracePoint
from schemas.errors import ErrorCode
from schemas.requests import ChatRequest
from store.rows import Checkpoint, TurnRow


@dataclass(slots=True)
class Attempt:
    """One claimed try at a turn. `row` is the newest state of the turn's row that we wrote.

    `place`: where its spans belong; `asked`: a provider may have been called, so that the attempt has a price.
    `kept`: the text of an `earlier` attempt that this one goes on from; `legs`: what its models cost.
    """

    request: ChatRequest
    running: RunningTurn
    take: Take
    row: TurnRow
    path: Path
    frames: AttemptFrames
    place: TracePoint
    cannot_be_answered: ErrorCode | None = None
    context: Context | None = None
    earlier: Checkpoint | None = None
    kept: str = ""
    asked: bool = False
    answered_by: str = ""
    legs: Legs = field(default_factory=lambda: Legs(0))

    def seconds_left(self, turn_seconds: float) -> float:
        """Until the turn's deadline, which runs from its first claim."""
        return max(0.0, turn_seconds - (time.time() - (self.row.first_claimed_at_ms or 0) / 1000))

    @property
    def model(self) -> str:
        """The alias that answered, that it was switched to, or that was asked for."""
        return self.answered_by or self.frames.alias

    @property
    def input_tokens(self) -> int:
        """Our estimate of what was sent: the question at least, where no context was built."""
        return self.context.input_tokens if self.context else estimate_tokens(self.request.text)
