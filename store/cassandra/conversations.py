"""The list of a user's conversations: titles, newest first, and deletions that last.

Plain writes, whose timestamps say what wins in whatever order they arrive (timestamps.py). A touch is one request and
one mutation: the conversation's row, its place in the list (listing.py), and ended turns' entries (open_turns.py).
"""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from store.cassandra import open_turns
from store.cassandra.known import Key, KnownBuckets, KnownHours
from store.cassandra.listing import Listing, enter, leave, row_of
from store.cassandra.session import CassandraSession
from store.cassandra.statements import Kind, Statement, Write
from store.cassandra.timestamps import DELETED_AT, MARKED_AT, first_title_at, hour_of, left_at, written_at
from store.rows import ConversationRow

_KEY = "user_id = ? AND conversation_id = ?"

GET = Statement(
    f"SELECT conversation_id, title, updated_at_ms, leaf, deleted, buckets FROM conversations_by_user WHERE {_KEY}",
    Kind.READ,
)
TOUCH = Statement(
    f"UPDATE conversations_by_user USING TIMESTAMP ? SET leaf = ?, updated_at_ms = ? WHERE {_KEY}", Kind.WRITE
)
TITLE = Statement(f"UPDATE conversations_by_user USING TIMESTAMP ? SET title = ? WHERE {_KEY}", Kind.WRITE)
ERASE = Statement(f"DELETE FROM conversations_by_user USING TIMESTAMP ? WHERE {_KEY}", Kind.WRITE)
MARK = Statement(
    f"UPDATE conversations_by_user USING TIMESTAMP ? SET deleted = true, updated_at_ms = ? WHERE {_KEY}", Kind.WRITE
)
ERASE_MESSAGES = Statement(f"DELETE FROM messages USING TIMESTAMP ? WHERE {_KEY} AND bucket = ?", Kind.WRITE)

STATEMENTS = (GET, TOUCH, TITLE, ERASE, MARK, ERASE_MESSAGES)


class CassandraConversations:
    """Another user's conversation is one that is not there. Every method raises StoreUnavailable."""

    def __init__(
        self,
        session: CassandraSession,
        buckets: KnownBuckets,
        ended: open_turns.EndedTurns,
        clock_ms: Callable[[], int],
    ) -> None:
        self._session = session
        self._buckets = buckets
        self._ended = ended
        self._clock_ms = clock_ms
        self._hours = KnownHours()
        self._listing = Listing(session)

    async def touch(
        self, user_id: str, conversation_id: str, *, leaf: str, updated_at_ms: int, title_if_none: str | None
    ) -> None:
        """Makes the conversation, or moves it on to a newer leaf: never backwards, never back from a deletion."""
        where, at = (UUID(user_id), UUID(conversation_id)), written_at(updated_at_ms)
        writes: list[Write] = [
            (TOUCH, (at, UUID(leaf), updated_at_ms, *where)),
            enter(*where, hour_of(updated_at_ms), at),
        ]
        if title_if_none is not None:
            writes.append((TITLE, (first_title_at(updated_at_ms), title_if_none, *where)))
        key = (user_id, conversation_id)
        ended = self._ended.of(key)
        tidying = self._tidying(key, ended, hour_of(updated_at_ms))
        await self._session.write(*writes, *tidying)
        self._ended.remove(key, ended)

    async def get(self, user_id: str, conversation_id: str) -> ConversationRow | None:
        """The row. A deleted conversation's has `deleted=True`, no title and no leaf."""
        found = await self._read((user_id, conversation_id))
        return None if found is None else row_of(found)

    async def newest(self, user_id: str, limit: int, before_ms: tuple[int, str] | None = None) -> list[ConversationRow]:
        """At most `limit` conversations, newest first, without deleted ones.

        `before_ms`: the (updated_at_ms, conversation_id) of the last one of the page before.
        """
        return await self._listing.page(UUID(user_id), limit, before_ms)

    async def rename(self, user_id: str, conversation_id: str, title: str) -> ConversationRow | None:
        """The renamed row, or None if there is none or it is deleted. The list's order stays."""
        row = await self.get(user_id, conversation_id)
        if row is None or row.deleted:
            return None
        at = written_at(self._clock_ms())
        await self._session.write((TITLE, (at, title, UUID(user_id), UUID(conversation_id))))
        return ConversationRow(
            conversation_id=conversation_id, title=title, updated_at_ms=row.updated_at_ms, leaf=row.leaf
        )

    async def delete(
        self, user_id: str, conversation_id: str, deleted_at_ms: int, even_if_unknown: bool = False
    ) -> bool:
        """Takes away title and messages, for good. True if the conversation is deleted now, also if it was before.

        An unknown conversation gives False and leaves no trace, unless `even_if_unknown`: then it may never begin
        (for one that has an open turn and no row yet). The mark comes first: broken off after it, a deletion is
        repeated by its user, and nobody is shown anything meanwhile.
        """
        found = await self._read((user_id, conversation_id))
        if found is None and not even_if_unknown:
            return False
        where = (UUID(user_id), UUID(conversation_id))
        place = [] if found is None else [leave(*where, hour_of(found[2]), DELETED_AT)]
        await self._session.write((ERASE, (DELETED_AT, *where)), (MARK, (MARKED_AT, deleted_at_ms, *where)), *place)
        buckets = {0} if found is None else {0, *(found[5] or ())}
        for bucket in buckets:
            await self._session.write((ERASE_MESSAGES, (DELETED_AT, *where, bucket)))
        return True

    async def _read(self, key: Key) -> tuple[Any, ...] | None:
        """A row as GET names it; None also for one that has buckets only, of which nothing was told yet."""
        read_at_ms = self._clock_ms()
        found = await self._session.row(GET, UUID(key[0]), UUID(key[1]))
        self._buckets.put(key, frozenset(found[5] or ()) if found else frozenset(), read_at_ms)
        if found is None or found[2] is None:
            return None
        self._hours.note(key, hour_of(found[2]))
        return found

    def _tidying(self, key: Key, ended: frozenset[str], hour: int) -> list[Write]:
        tidying = [open_turns.forget(*key, turn_id) for turn_id in ended]
        left = self._hours.moves_on(key, hour)
        if left is not None:
            tidying.append(leave(UUID(key[0]), UUID(key[1]), left, left_at(left)))
        return tidying
