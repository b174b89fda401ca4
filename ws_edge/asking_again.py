"""The question of a `regenerate`: which message is meant, and whether it is one that can be answered again.

In: a request that names a message. Out: the request with that message's text and place; or why there is none. A
question whose turn is still open is not stored yet: it is known from its frames, and will be before it is asked again.
"""

from typing import Protocol

import msgspec

from schemas.client_frames import Regenerate
from schemas.clock import rfc3339
from schemas.errors import ErrorCode
from schemas.ids import turn_id_of
from schemas.parts import UserMessage
from schemas.requests import AskAgain
from store.errors import StoreUnavailable
from store.rows import MessageRow
from ws_edge.turns_in_flight import TurnsInFlight


class Messages(Protocol):
    """One stored message. Raises StoreUnavailable."""

    async def one(self, user_id: str, conversation_id: str, message_id: str) -> MessageRow | None: ...


def unfinished_request(user_id: str, frame: Regenerate, model: str, now_ms: int) -> AskAgain:
    """The request as far as the frame tells it: the same every time but for its moment."""
    conversation_id, request_id = str(frame.conversation_id), str(frame.request_id)
    return AskAgain(
        user_id=user_id,
        conversation_id=conversation_id,
        turn_id=turn_id_of(user_id, conversation_id, request_id),
        request_id=request_id,
        text="",
        model=model,
        accepted_at=rfc3339(now_ms),
        question_id=str(frame.message_id),
    )


async def with_its_question(request: AskAgain, messages: Messages, turns: TurnsInFlight) -> AskAgain | ErrorCode:
    """The request with its question's text and parent, or why it can't be accepted."""
    question = _in_flight(request, turns)
    if question is None:
        try:
            row = await messages.one(request.user_id, request.conversation_id, request.question_id)
        except StoreUnavailable:
            return ErrorCode.HISTORY_UNAVAILABLE
        question = _stored(row)
    if question is None:
        return ErrorCode.UNKNOWN_QUESTION
    return msgspec.structs.replace(request, text=question.text, parent_id=question.parent_id)


def _stored(row: MessageRow | None) -> UserMessage | None:
    return None if row is None or row.role != "user" else UserMessage(row.text, row.parent_id, row.message_id)


def _in_flight(request: AskAgain, turns: TurnsInFlight) -> UserMessage | None:
    shown = [turn.shown().user_message for turn in turns.of_conversation(request.user_id, request.conversation_id)]
    return next((message for message in shown if message is not None and message.id == request.question_id), None)
