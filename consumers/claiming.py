"""Step 4 of a message's life: who may write a turn's answer. Pure decisions on the turn's row (DESIGN 6.3).

There is one mechanism for first tries, redeliveries, takeovers and zombies: a compare-and-set that gives the next
attempt number to one worker. Nothing is published and no provider called before it is won.
"""

from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from schemas.errors import ErrorCode
from schemas.parts import UserMessage
from schemas.requests import AskAgain, ChatRequest
from store.rows import TurnRow

MAX_ATTEMPTS = 5
PATIENCE_SECONDS = 30.0
"""How long beyond the turn's deadline a live owner is waited for: it must have ended the turn by then."""


@dataclass(frozen=True, slots=True)
class Claimant:
    """Who asks for the claim, and what would be written: this process's id, fresh ids, the time, who is known dead."""

    worker_id: str
    nonce: str
    question_id: str
    answer_id: str
    now_ms: int
    turn_seconds: float
    is_dead: Callable[[str], bool]


@dataclass(frozen=True, slots=True)
class Ended:
    """The turn has its end; repair what follows from it."""

    row: TurnRow


@dataclass(frozen=True, slots=True)
class HeldByAnother:
    """A live worker holds the claim; wait."""

    row: TurnRow


@dataclass(frozen=True, slots=True)
class Take:
    """Write `row` if the stored version is still `expected_version`.

    `fails_with`: the attempt is only there to end the turn this way. `stops`: it is only there to stop it.
    `reason`: why there is another attempt, as `started` says it: `moved` (given back at a drain) or `takeover`.
    """

    row: TurnRow
    expected_version: int | None
    fails_with: ErrorCode | None = None
    reason: str | None = None

    @property
    def stops(self) -> bool:
        return self.row.stop


Decision = Ended | HeldByAnother | Take


def decide(row: TurnRow | None, request: ChatRequest, claimant: Claimant) -> Decision:
    """What to do about a turn whose row reads `row` (None: there is none as far as we know)."""
    if row is None:
        return Take(_first_claim(request, claimant), expected_version=None)
    if row.is_ended:
        return Ended(row)
    if _must_wait(row, claimant):
        return HeldByAnother(row)
    return Take(_next_claim(row, request, claimant), row.version, _why_to_fail(row, claimant), _why_again(row))


def is_mine(row: TurnRow, claimed: TurnRow) -> bool:
    """True if `row` still carries the claim that `claimed` made: only its stop flag or end can have changed."""
    return row.nonce == claimed.nonce and row.attempt == claimed.attempt


def _first_claim(request: ChatRequest, claimant: Claimant) -> TurnRow:
    empty = TurnRow(
        turn_id=request.turn_id, user_id=request.user_id, conversation_id=request.conversation_id, version=0
    )
    return _next_claim(empty, request, claimant)


def _next_claim(row: TurnRow, request: ChatRequest, claimant: Claimant) -> TurnRow:
    question_id = request.question_id if isinstance(request, AskAgain) else claimant.question_id
    return msgspec.structs.replace(
        row,
        version=row.version + 1,
        attempt=row.attempt + 1,
        owner=claimant.worker_id,
        nonce=claimant.nonce,
        first_claimed_at_ms=row.first_claimed_at_ms or claimant.now_ms,
        question=row.question or UserMessage(request.text, request.parent_id, question_id),
        answer_id=row.answer_id or claimant.answer_id,
        answers_again=row.answers_again or isinstance(request, AskAgain),
    )


def _must_wait(row: TurnRow, claimant: Claimant) -> bool:
    if row.owner is None or row.owner == claimant.worker_id or claimant.is_dead(row.owner):
        return False
    return _seconds_since_first_claim(row, claimant) <= claimant.turn_seconds + PATIENCE_SECONDS


def _why_to_fail(row: TurnRow, claimant: Claimant) -> ErrorCode | None:
    """Attempts given back by a drain do not count; the deadline runs from the first claim."""
    if row.attempt - row.releases >= MAX_ATTEMPTS:
        return ErrorCode.TOO_MANY_ATTEMPTS
    if _seconds_since_first_claim(row, claimant) > claimant.turn_seconds:
        return ErrorCode.DEADLINE_EXCEEDED
    return None


def _why_again(row: TurnRow) -> str | None:
    if row.attempt == 0:
        return None
    return "moved" if row.owner is None else "takeover"


def _seconds_since_first_claim(row: TurnRow, claimant: Claimant) -> float:
    return (claimant.now_ms - (row.first_claimed_at_ms or claimant.now_ms)) / 1000
