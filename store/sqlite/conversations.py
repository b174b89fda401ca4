"""The list of a user's conversations: titles, newest first, and deletions that last."""

import sqlite3
from collections.abc import Sequence
from typing import Any

from store.rows import ConversationRow
from store.sqlite.database import SqliteDatabase

_COLUMNS = "conversation_id, title, updated_at_ms, leaf, deleted"
_AFTER_ALL = (2**63 - 1, "~")  # sorts behind every (updated_at_ms, conversation_id)

# Two touches of one moment leave the greater leaf, whatever their order: repairs must end alike.
_TOUCH = """
INSERT INTO conversations (user_id, conversation_id, leaf, updated_at_ms, title) VALUES (?, ?, ?, ?, ?)
ON CONFLICT DO UPDATE SET
    title = coalesce(title, excluded.title),
    leaf = iif((excluded.updated_at_ms, excluded.leaf) > (updated_at_ms, leaf), excluded.leaf, leaf),
    updated_at_ms = max(updated_at_ms, excluded.updated_at_ms)
WHERE NOT deleted
"""
_GET = f"SELECT {_COLUMNS} FROM conversations WHERE user_id = ? AND conversation_id = ?"
_NEWEST = f"""
SELECT {_COLUMNS} FROM conversations
WHERE user_id = ? AND NOT deleted AND (updated_at_ms, conversation_id) < (?, ?)
ORDER BY updated_at_ms DESC, conversation_id DESC LIMIT ?
"""
_RENAME = f"""
UPDATE conversations SET title = ? WHERE user_id = ? AND conversation_id = ? AND NOT deleted RETURNING {_COLUMNS}
"""
_ENTOMB = """
INSERT INTO conversations (user_id, conversation_id, updated_at_ms, deleted) VALUES (?, ?, ?, 1)
ON CONFLICT DO UPDATE SET title = NULL, leaf = NULL, updated_at_ms = excluded.updated_at_ms, deleted = 1
WHERE NOT deleted
"""
_DELETE_MESSAGES = "DELETE FROM messages WHERE user_id = ? AND conversation_id = ?"


class SqliteConversations:
    """Another user's conversation is one that is not there. Every method raises StoreUnavailable."""

    def __init__(self, database: SqliteDatabase) -> None:
        self._database = database

    async def touch(
        self, user_id: str, conversation_id: str, *, leaf: str, updated_at_ms: int, title_if_none: str | None
    ) -> None:
        """Makes the conversation, or moves it on to a newer leaf: never backwards, never back from a deletion."""
        await self._database.change(_TOUCH, user_id, conversation_id, leaf, updated_at_ms, title_if_none)

    async def get(self, user_id: str, conversation_id: str) -> ConversationRow | None:
        """The row. A deleted conversation's has `deleted=True`, no title and no leaf."""
        found = await self._database.row(_GET, user_id, conversation_id)
        return None if found is None else _row_of(found)

    async def newest(self, user_id: str, limit: int, before_ms: tuple[int, str] | None = None) -> list[ConversationRow]:
        """At most `limit` conversations, newest first, without deleted ones.

        `before_ms`: the (updated_at_ms, conversation_id) of the last one of the page before.
        """
        rows = await self._database.rows(_NEWEST, user_id, *(before_ms or _AFTER_ALL), limit)
        return [_row_of(row) for row in rows]

    async def rename(self, user_id: str, conversation_id: str, title: str) -> ConversationRow | None:
        """The renamed row, or None if there is none or it is deleted. The list's order stays."""
        parameters = (title, user_id, conversation_id)
        found = await self._database.transact(lambda connection: connection.execute(_RENAME, parameters).fetchone())
        return None if found is None else _row_of(found)

    async def delete(
        self, user_id: str, conversation_id: str, deleted_at_ms: int, even_if_unknown: bool = False
    ) -> bool:
        """Takes away title and messages, for good. True if the conversation is deleted now, also if it was before.

        An unknown conversation gives False and leaves no trace, unless `even_if_unknown`: then it may never begin
        (for one that has an open turn and no row yet).
        """

        def delete(connection: sqlite3.Connection) -> bool:
            key = (user_id, conversation_id)
            if not even_if_unknown and connection.execute(_GET, key).fetchone() is None:
                return False
            connection.execute(_ENTOMB, (*key, deleted_at_ms))
            connection.execute(_DELETE_MESSAGES, key)
            return True

        return await self._database.transact(delete)


def _row_of(found: Sequence[Any]) -> ConversationRow:
    conversation_id, title, updated_at_ms, leaf, deleted = found
    return ConversationRow(
        conversation_id=conversation_id, title=title, updated_at_ms=updated_at_ms, leaf=leaf, deleted=bool(deleted)
    )
