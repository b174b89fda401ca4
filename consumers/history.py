"""The conversation a question belongs to: from this worker's memory when warm, from the store when cold."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from consumers.path_search import ALL_ROOM, PathSearch, is_enough
from consumers.patience import until_it_works
from consumers.tails import Tail, Tails
from store.rows import ConversationRow, MessageRow


class Messages(Protocol):
    """Where messages are read."""

    async def page(self, user_id: str, conversation_id: str, before: str | None, limit: int) -> list[MessageRow]: ...


class Conversations(Protocol):
    """Where a conversation's row is read."""

    async def get(self, user_id: str, conversation_id: str) -> ConversationRow | None: ...


class ConversationGone(Exception):
    """The conversation was deleted."""


class UnknownParent(Exception):
    """The message to go on from is not in this conversation."""


@dataclass(frozen=True, slots=True)
class Path:
    """The messages before a question, oldest first; `title` is None while nobody gave the conversation one.

    `newest_at_ms`: the moment of the newest message, of whatever branch.
    """

    messages: Sequence[MessageRow]
    title: str | None
    is_warm: bool
    newest_at_ms: int = 0

    @property
    def parent_id(self) -> str | None:
        return self.messages[-1].message_id if self.messages else None


class History:
    """Reads paths, and remembers what this worker itself wrote."""

    def __init__(self, messages: Messages, conversations: Conversations, tails: Tails) -> None:
        self._messages = messages
        self._conversations = conversations
        self._tails = tails

    async def path(
        self, user_id: str, conversation_id: str, parent_id: str | None, room_tokens: int = ALL_ROOM
    ) -> Path:
        """The path to `parent_id`, or to the newest message: of its oldest part no more than fills `room_tokens`.

        Raises ConversationGone or UnknownParent.
        """
        tail = self._tails.get(user_id, conversation_id)
        warm = tail.path_to(parent_id) if tail is not None else None
        if tail is not None and warm is not None and is_enough(warm, room_tokens):
            return Path(warm, tail.title, is_warm=True, newest_at_ms=tail.newest_at_ms)
        row = await self._row(user_id, conversation_id)
        leaf = parent_id or row.leaf
        messages = await self._read(user_id, conversation_id, PathSearch(leaf, room_tokens)) if leaf else ()
        return Path(messages, row.title, is_warm=False, newest_at_ms=row.updated_at_ms)

    async def path_to_the_first(self, user_id: str, conversation_id: str) -> Path:
        """The empty path to a conversation's first message. Raises ConversationGone."""
        tail = self._tails.get(user_id, conversation_id)
        if tail is not None:
            return Path((), tail.title, is_warm=True, newest_at_ms=tail.newest_at_ms)
        row = await self._row(user_id, conversation_id)
        return Path((), row.title, is_warm=False, newest_at_ms=row.updated_at_ms)

    def remember(self, user_id: str, conversation_id: str, path: Path, said: Sequence[MessageRow]) -> None:
        """Notes a finished turn; `path` is what it went on from."""
        self._tails.put(user_id, conversation_id, Tail((*path.messages, *said), path.title))

    def known_title(self, user_id: str, conversation_id: str) -> str | None:
        """The title of a warm conversation."""
        tail = self._tails.get(user_id, conversation_id)
        return tail.title if tail else None

    def rename(self, user_id: str, conversation_id: str, title: str) -> None:
        if tail := self._tails.get(user_id, conversation_id):
            self._tails.put(user_id, conversation_id, Tail(tail.messages, title))

    def forget(self, user_id: str, conversation_id: str) -> None:
        self._tails.drop(user_id, conversation_id)

    def forget_all(self) -> None:
        self._tails.drop_all()

    async def _row(self, user_id: str, conversation_id: str) -> ConversationRow:
        row = await until_it_works(self._conversations.get, user_id, conversation_id)
        if row is None:
            return ConversationRow(conversation_id=conversation_id, title=None, updated_at_ms=0, leaf=None)
        if row.deleted:
            raise ConversationGone
        return row

    async def _read(self, user_id: str, conversation_id: str, search: PathSearch) -> Sequence[MessageRow]:
        while not search.is_over:
            search.add(await until_it_works(self._messages.page, user_id, conversation_id, search.before, search.limit))
        if not search.path:
            raise UnknownParent
        return search.path
