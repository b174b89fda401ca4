"""The rows that are kept (DESIGN 7), the same for every implementation of the store.

Ids are UUID text, times are milliseconds since 1970 (UTC) unless a name says otherwise.
"""

import msgspec

from schemas.errors import ErrorCode
from schemas.parts import Usage, UserMessage, sum_of
from schemas.statuses import TurnStatus


class Finish(msgspec.Struct, frozen=True, kw_only=True):
    """How a turn ended, with the very bytes of its terminal frame, so that a repair repeats them identically."""

    status: TurnStatus
    text: str
    model: str
    terminal_frame: bytes
    terminal_kind: str
    terminal_seq: int
    finished_at_ms: int
    code: ErrorCode | None = None


class TurnRow(msgspec.Struct, frozen=True, kw_only=True):
    """A turn's row. Only compare-and-set on `version` writes it; each write raises `version` by one, from 1.

    `attempt` 0 means that nobody claimed it yet (a stop came first). `owner` None with an attempt means released.
    `answers_again`: the question is another turn's, stored already.
    """

    turn_id: str
    user_id: str
    conversation_id: str
    version: int
    attempt: int = 0
    owner: str | None = None
    nonce: str = ""
    stop: bool = False
    releases: int = 0
    first_claimed_at_ms: int | None = None
    question: UserMessage | None = None
    answer_id: str | None = None
    answers_again: bool = False
    usage_by_attempt: dict[int, Usage] = {}
    finish: Finish | None = None

    @property
    def is_ended(self) -> bool:
        return self.finish is not None


def released_row(row: TurnRow, usage: Usage | None = None) -> TurnRow:
    """The row of a turn that is given back: nobody holds it, and the attempt does not count, but for its bill.

    Without `usage` whoever ends the turn estimates it. What the row has already stays.
    """
    bill = {} if usage is None else {row.attempt: usage}
    return msgspec.structs.replace(
        row,
        version=row.version + 1,
        owner=None,
        releases=row.releases + 1,
        usage_by_attempt={**bill, **row.usage_by_attempt},
    )


class Checkpoint(msgspec.Struct, frozen=True):
    """An attempt's text up to and including frame `seq`: where a takeover goes on and a late reader begins."""

    attempt: int
    seq: int
    text: str
    model: str


class MessageRow(msgspec.Struct, frozen=True, kw_only=True):
    """One immutable message of a conversation. `status` and `usage` are set on answers only."""

    message_id: str
    role: str
    text: str
    created_at_ms: int
    parent_id: str | None = None
    model: str | None = None
    status: TurnStatus | None = None
    usage: Usage | None = None
    turn_id: str | None = None


class ConversationRow(msgspec.Struct, frozen=True, kw_only=True):
    """One conversation in a user's list. `leaf` is the newest stored message."""

    conversation_id: str
    title: str | None
    updated_at_ms: int
    leaf: str | None
    deleted: bool = False


def total_of(usage: dict[int, Usage]) -> Usage:
    """What a turn cost, over all of its attempts: history adds up to the bills (G5)."""
    return sum_of(usage.values())
