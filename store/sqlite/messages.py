"""The messages of conversations: immutable, read newest first. A conversation is always (user, conversation)."""

from collections.abc import Sequence

import msgspec

from store.rows import MessageRow
from store.sqlite.database import SqliteDatabase

_decoder = msgspec.json.Decoder(MessageRow)

_AFTER_ALL_IDS = "~"  # sorts behind every id

_APPEND = """
INSERT INTO messages (user_id, conversation_id, message_id, row)
SELECT :user_id, :conversation_id, :message_id, :row
WHERE NOT EXISTS (
    SELECT 1 FROM conversations WHERE user_id = :user_id AND conversation_id = :conversation_id AND deleted
)
ON CONFLICT DO NOTHING
"""
_PAGE = """
SELECT row FROM messages WHERE user_id = ? AND conversation_id = ? AND message_id < ?
ORDER BY message_id DESC LIMIT ?
"""
_ONE = "SELECT row FROM messages WHERE user_id = ? AND conversation_id = ? AND message_id = ?"


class SqliteMessages:
    """Every method raises StoreUnavailable. Text may hold any Unicode, also NUL; a lone surrogate is a ValueError."""

    def __init__(self, database: SqliteDatabase) -> None:
        self._database = database

    async def append(self, user_id: str, conversation_id: str, rows: Sequence[MessageRow], written_at_ms: int) -> None:
        """Stores all rows or none. An id that is there already stays as it is; a deleted conversation takes nothing.

        `written_at_ms` (the turn's finish time, also for late repairs) is for stores that merge writes by their time:
        at least what was written at or before the deletion must not reappear. Here writes have one order, so after
        a deletion nothing is written, whatever its time.
        """
        keys = {"user_id": user_id, "conversation_id": conversation_id}
        parameters = [keys | {"message_id": row.message_id, "row": msgspec.json.encode(row)} for row in rows]
        await self._database.transact(lambda connection: connection.executemany(_APPEND, parameters).rowcount)

    async def page(self, user_id: str, conversation_id: str, before: str | None, limit: int) -> list[MessageRow]:
        """At most `limit` messages, newest first, all older than the message id `before` (None: from the newest)."""
        rows = await self._database.rows(_PAGE, user_id, conversation_id, before or _AFTER_ALL_IDS, limit)
        return [_decoder.decode(row) for (row,) in rows]

    async def one(self, user_id: str, conversation_id: str, message_id: str) -> MessageRow | None:
        """One message, if it is of this user's conversation."""
        found = await self._database.row(_ONE, user_id, conversation_id, message_id)
        return None if found is None else _decoder.decode(found[0])
