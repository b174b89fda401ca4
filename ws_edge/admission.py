"""May this be asked? What can be said without the store or the broker. Pure."""

from schemas.client_frames import Regenerate, Send
from schemas.errors import ErrorCode
from schemas.requests import ChatRequest
from ws_edge.models_offered import OfferedModels
from ws_edge.turns_in_flight import TurnsInFlight


def refusal_of_frame(frame: Send | Regenerate, models: OfferedModels, max_characters: int = 0) -> ErrorCode | None:
    """Why the frame itself can't be accepted. `max_characters` 0: whatever fits into a frame is short enough."""
    if isinstance(frame, Send) and not frame.text.strip():
        return ErrorCode.EMPTY_TEXT
    if isinstance(frame, Send) and 0 < max_characters < len(frame.text):
        return ErrorCode.QUESTION_TOO_LONG
    if isinstance(frame, Send) and frame.attachments:
        return ErrorCode.UNSUPPORTED
    if models.alias(frame.model) is None:
        return ErrorCode.UNKNOWN_MODEL
    return None


def refusal_now(request: ChatRequest, turns: TurnsInFlight, room: int) -> ErrorCode | None:
    """Why it can't be accepted now. `on_busy: reject` goes by this edge's best knowledge.

    `room`: how many open turns the user may have, less those about to be opened.
    """
    if turns.open_count(request.user_id) >= room:
        return ErrorCode.OVERLOADED
    if request.on_busy == "reject" and turns.of_conversation(request.user_id, request.conversation_id):
        return ErrorCode.CONVERSATION_BUSY
    return None


def names_message_in_flight(request: ChatRequest, turns: TurnsInFlight) -> bool:
    """True if the parent belongs to an open turn, whose messages are not stored yet."""
    shown = [turn.shown() for turn in turns.of_conversation(request.user_id, request.conversation_id)]
    questions = [one.user_message.id for one in shown if one.user_message is not None]
    return request.parent_id in [*questions, *(one.answer_id for one in shown)]
