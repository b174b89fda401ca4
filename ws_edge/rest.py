"""The REST API: the list of conversations, their history, and the models (DESIGN 8).

In: a bearer token, ids and cursors. Out: pages, or an error of the closed list. What is not the user's is not there.
"""

import uuid
from typing import Annotated, Any, Protocol

from fastapi import APIRouter, Query

from schemas.errors import ErrorCode
from store.rows import ConversationRow, MessageRow
from ws_edge.changing_conversations import ConversationChanger, WorkersNotTold
from ws_edge.coming_back import SOON_MS
from ws_edge.current_user import CurrentUser
from ws_edge.list_cursor import BadCursor, ListCursor, read_cursor, write_cursor
from ws_edge.models_offered import OfferedModels
from ws_edge.rest_errors import RestError, bad_field, not_found
from ws_edge.rest_models import (
    ConversationModel,
    ConversationsPage,
    ErrorModel,
    MessagesPage,
    OfferedModel,
    OfferedModelsList,
    Rename,
    conversation_model,
    message_model,
)

Limit = Annotated[int, Query(ge=1, le=200)]
Before = Annotated[str | None, Query(max_length=64, description="`next` of the page before.")]

_ERRORS: dict[int | str, dict[str, Any]] = {status: {"model": ErrorModel} for status in (401, 404, 422, 429, 503)}


class Messages(Protocol):
    """Stored messages, newest first. Raises StoreUnavailable."""

    async def page(self, user_id: str, conversation_id: str, before: str | None, limit: int) -> list[MessageRow]: ...


class Conversations(Protocol):
    """A user's list of conversations, newest first. Raises StoreUnavailable."""

    async def get(self, user_id: str, conversation_id: str) -> ConversationRow | None: ...

    async def newest(self, user_id: str, limit: int, before_ms: ListCursor | None = None) -> list[ConversationRow]: ...


class RestApi:
    """The routes under `/v1`, as methods."""

    def __init__(
        self, messages: Messages, conversations: Conversations, changer: ConversationChanger, models: OfferedModels
    ) -> None:
        self._messages = messages
        self._conversations = conversations
        self._changer = changer
        self._models = models

    def routes(self) -> APIRouter:
        """All of them, documented."""
        router = APIRouter(prefix="/v1", responses=_ERRORS)
        one = "/conversations/{conversation_id}"
        router.add_api_route("/conversations", self.list_conversations, methods=["GET"], tags=["conversations"])
        router.add_api_route(f"{one}/messages", self.list_messages, methods=["GET"], tags=["conversations"])
        router.add_api_route(one, self.rename_conversation, methods=["PATCH"], tags=["conversations"])
        router.add_api_route(one, self.delete_conversation, methods=["DELETE"], status_code=204, tags=["conversations"])
        router.add_api_route("/models", self.list_models, methods=["GET"], tags=["models"])
        return router

    async def list_conversations(
        self, user_id: CurrentUser, limit: Limit = 50, before: Before = None
    ) -> ConversationsPage:
        """The user's conversations, the one changed last first."""
        rows = await self._conversations.newest(user_id, limit + 1, _cursor(before))
        page = rows[:limit]
        cursor = write_cursor((page[-1].updated_at_ms, page[-1].conversation_id)) if len(rows) > limit else None
        return ConversationsPage(conversations=[conversation_model(row) for row in page], next=cursor)

    async def list_messages(
        self, user_id: CurrentUser, conversation_id: uuid.UUID, limit: Limit = 50, before: uuid.UUID | None = None
    ) -> MessagesPage:
        """A conversation's messages: the newest page first, the oldest message first within it."""
        row = await self._conversations.get(user_id, str(conversation_id))
        if row is None or row.deleted:
            raise not_found()
        oldest_seen = None if before is None else str(before)
        rows = await self._messages.page(user_id, str(conversation_id), oldest_seen, limit + 1)
        page = rows[:limit]
        cursor = page[-1].message_id if len(rows) > limit else None
        return MessagesPage(messages=[message_model(row) for row in reversed(page)], next=cursor)

    async def rename_conversation(
        self, user_id: CurrentUser, conversation_id: uuid.UUID, change: Rename
    ) -> ConversationModel:
        """Gives a conversation another title."""
        row = await self._changer.rename(user_id, str(conversation_id), change.title)
        if row is None:
            raise not_found()
        return conversation_model(row)

    async def delete_conversation(self, user_id: CurrentUser, conversation_id: uuid.UUID) -> None:
        """Deletes a conversation for good and stops its open turns. May be repeated."""
        try:
            was_there = await self._changer.delete(user_id, str(conversation_id))
        except WorkersNotTold as error:
            raise RestError(503, ErrorCode.OVERLOADED, SOON_MS) from error
        if not was_there:
            raise not_found()

    async def list_models(self, user_id: CurrentUser) -> OfferedModelsList:
        """The aliases to choose from."""
        models = [OfferedModel(alias=alias, title=title) for alias, title in self._models.titles.items()]
        return OfferedModelsList(default=self._models.default, models=models)


def _cursor(before: str | None) -> ListCursor | None:
    try:
        return None if before is None else read_cursor(before)
    except BadCursor as error:
        raise bad_field("before") from error
