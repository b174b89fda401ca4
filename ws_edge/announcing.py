"""Tells all edges something about a user's turns or conversations, through `chat.replies`.

In: a frame. Out: the record, written in the background; a failure is logged, and nobody waits for it.
"""

import asyncio
from typing import Protocol

import structlog

from producers.errors import NotAttempted
from schemas import codec
from schemas.frames import Asked, ConversationChanged, ServerFrame

log = structlog.get_logger(__name__)


class Replies(Protocol):
    """Writes frames to `chat.replies`."""

    def publish(self, user_id: str, frame: ServerFrame) -> asyncio.Future[None]:
        """Ends when the broker has it. Raises NotAttempted at once when too much is waiting."""


class Announcer:
    """Publishes `asked` and `conversation` frames."""

    def __init__(self, replies: Replies) -> None:
        self._replies = replies

    def announce(self, user_id: str, frame: Asked | ConversationChanged) -> None:
        """Never raises for a broker in trouble: `asked` is repeated anyway, and a list can be read again."""
        try:
            written = self._replies.publish(user_id, frame)
        except NotAttempted as error:
            log.warning("not_announced", kind=codec.kind_of(frame), reason=str(error))
            return
        written.add_done_callback(lambda done: _log_failure(done, codec.kind_of(frame)))


def _log_failure(written: asyncio.Future[None], kind: str) -> None:
    if not written.cancelled() and (error := written.exception()) is not None:
        log.warning("not_announced", kind=kind, reason=repr(error))
