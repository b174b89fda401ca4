"""Renaming and deleting a conversation, and telling everyone (DESIGN 6, Delete).

In: a user's wish. Out: the store's row changed, workers told to stop its turns and forget it, all sessions told.
"""

from typing import Protocol

import structlog

from producers.errors import WriteError
from schemas.clock import rfc3339
from schemas.control import AnyNotice, ConversationDropped, ConversationLeaving, ConversationRenamed
from schemas.frames import ConversationChanged
from store.rows import ConversationRow
from ws_edge.announcing import Announcer
from ws_edge.clocks import Clocks
from ws_edge.turns_in_flight import TurnsInFlight

log = structlog.get_logger(__name__)


class Conversations(Protocol):
    """Changes to a user's conversations. Raises StoreUnavailable."""

    async def get(self, user_id: str, conversation_id: str) -> ConversationRow | None: ...

    async def rename(self, user_id: str, conversation_id: str, title: str) -> ConversationRow | None: ...

    async def delete(
        self, user_id: str, conversation_id: str, deleted_at_ms: int, even_if_unknown: bool = False
    ) -> bool: ...


class Control(Protocol):
    """Tells all workers. Raises WriteError."""

    async def notify(self, notice: AnyNotice) -> None: ...


class WorkersNotTold(Exception):
    """Deleted or not, its running turns may not have heard of it: delete again."""


class ConversationChanger:
    """Changes conversations of the user who asks."""

    def __init__(
        self,
        conversations: Conversations,
        control: Control,
        announcer: Announcer,
        turns: TurnsInFlight,
        clocks: Clocks,
    ) -> None:
        self._conversations = conversations
        self._control = control
        self._announcer = announcer
        self._turns = turns
        self._clocks = clocks

    async def rename(self, user_id: str, conversation_id: str, title: str) -> ConversationRow | None:
        """The renamed row; None if the user has no such conversation. Raises StoreUnavailable."""
        row = await self._conversations.rename(user_id, conversation_id, title)
        if row is not None:
            frame = ConversationChanged(conversation_id, row.title, rfc3339(row.updated_at_ms))
            self._announcer.announce(user_id, frame)
            await self._tell_workers(user_id, conversation_id, title)
        return row

    async def _tell_workers(self, user_id: str, conversation_id: str, title: str) -> None:
        """A worker that remembers the conversation would announce its old title with the next answer."""
        renamed = ConversationRenamed(user_id=user_id, conversation_id=conversation_id, title=title)
        try:
            await self._control.notify(renamed)
        except WriteError as error:
            log.warning("rename_not_told", reason=str(error))

    async def delete(self, user_id: str, conversation_id: str) -> bool:
        """Deletes for good, also a conversation whose first turn is still open. False if the user has none such.

        Workers forget it before, and stop its turns after: an edge that dies in between leaves none that remembers what
        is deleted and answers once more. May be repeated. Raises StoreUnavailable and WorkersNotTold.
        """
        now_ms = self._clocks.epoch_ms()
        is_begun = bool(self._turns.of_conversation(user_id, conversation_id))
        if not is_begun and await self._conversations.get(user_id, conversation_id) is None:
            return False
        await self._tell_all_workers(ConversationLeaving(user_id=user_id, conversation_id=conversation_id))
        await self._conversations.delete(user_id, conversation_id, now_ms, even_if_unknown=is_begun)
        self._announcer.announce(user_id, ConversationChanged(conversation_id, None, rfc3339(now_ms), deleted=True))
        await self._tell_all_workers(ConversationDropped(user_id=user_id, conversation_id=conversation_id))
        return True

    async def _tell_all_workers(self, notice: AnyNotice) -> None:
        try:
            await self._control.notify(notice)
        except WriteError as error:
            raise WorkersNotTold(str(error)) from error
