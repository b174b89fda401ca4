"""A conversation that just began is told to all of its user's devices, long before its first answer is stored.

In: an attempt whose claim is won and whose past was read. Out: a `conversation` frame, if nothing was said before it.
"""

from contextlib import suppress

from consumers.attempt import Attempt
from consumers.titles import title_from
from producers.errors import NotAttempted
from producers.reply_producer import ReplyProducer
from schemas.errors import ErrorCode
from schemas.frames import ConversationChanged
from schemas.requests import AskAgain


def begins_conversation(attempt: Attempt) -> bool:
    """Whether this question is a conversation's first. Without a path that could be read nobody knows."""
    is_known = attempt.cannot_be_answered not in (ErrorCode.CONVERSATION_DELETED, ErrorCode.INTERNAL)
    return is_known and attempt.path.parent_id is None and not isinstance(attempt.request, AskAgain)


def announce_new_conversation(replies: ReplyProducer, attempt: Attempt) -> None:
    """Its title is the one that it will be stored with. A full writer lets it be: the turn's end tells it too."""
    request = attempt.request
    if not begins_conversation(attempt):
        return
    title = attempt.path.title or title_from(request.text)
    with suppress(NotAttempted):
        replies.publish(request.user_id, ConversationChanged(request.conversation_id, title, request.accepted_at))
