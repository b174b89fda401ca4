"""Rows for the contract suite, with fresh ids: stores may be shared."""

import uuid

from schemas.ids import new_id
from schemas.parts import Usage, UserMessage
from schemas.statuses import TurnStatus
from store.rows import Finish, MessageRow, TurnRow


def a_turn(user_id: str | None = None, conversation_id: str | None = None, **fields: object) -> TurnRow:
    """The first version of a turn that nobody claimed."""
    row = {"turn_id": new_id(), "user_id": user_id or new_id(), "conversation_id": conversation_id or new_id()}
    return TurnRow(**(row | {"version": 1} | fields))


def a_finish(text: str = "An answer.") -> Finish:
    return Finish(
        status=TurnStatus.COMPLETED,
        text=text,
        model="smart",
        terminal_frame=b'{"type":"completed","note":"\xc3\xa9"}',
        terminal_kind="completed",
        terminal_seq=2_000_007,
        finished_at_ms=1_770_000_000_123,
    )


def a_full_turn() -> TurnRow:
    """A turn with every field set."""
    return a_turn(
        attempt=2,
        owner="worker-1",
        nonce=new_id(),
        stop=True,
        releases=1,
        first_claimed_at_ms=1_770_000_000_000,
        question=UserMessage("Why?", parent_id=new_id(), id=message_id(0)),
        answer_id=message_id(1),
        answers_again=True,
        usage_by_attempt={1: Usage(10, 5, True), 2: Usage(10, 20, False)},
        finish=a_finish(),
    )


def message_id(moment_ms: int) -> str:
    """A UUIDv7 of that moment: ids of later moments sort behind it."""
    return str(uuid.UUID(int=(moment_ms << 80) | (7 << 76) | (2 << 62) | (uuid.uuid4().int & (2**62 - 1))))


def a_message(moment_ms: int = 0, text: str = "Hello.", **fields: object) -> MessageRow:
    row = {"message_id": message_id(moment_ms), "role": "user", "text": text, "created_at_ms": moment_ms}
    return MessageRow(**(row | fields))


def a_full_message() -> MessageRow:
    """An answer with every field set."""
    return a_message(
        moment_ms=5,
        role="assistant",
        parent_id=message_id(4),
        model="smart",
        status=TurnStatus.STOPPED,
        usage=Usage(1, 2, False),
        turn_id=new_id(),
    )
