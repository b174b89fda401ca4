"""A page of a user's conversations, newest first, at a cost that does not grow with the list.

`conversations_by_hour` has an entry for each conversation under the hour of its newest change. Touches write entries
and take the old ones away where they know of them; an entry is valid only if the conversation's row is of that hour,
which also makes late repairs and lost deletions harmless. Normally a page is two reads of one partition each.
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from store.cassandra.session import CassandraSession
from store.cassandra.statements import Kind, Statement, Write
from store.cassandra.timestamps import hour_of, left_at
from store.cassandra.values import text_or_none
from store.rows import ConversationRow

ENTER = Statement(
    "INSERT INTO conversations_by_hour (user_id, conversation_id, hour) VALUES (?, ?, ?) USING TIMESTAMP ?", Kind.WRITE
)
LEAVE = Statement(
    "DELETE FROM conversations_by_hour USING TIMESTAMP ? WHERE user_id = ? AND conversation_id = ? AND hour = ?",
    Kind.WRITE,
)
ENTRIES = Statement(
    "SELECT hour, conversation_id FROM conversations_by_hour WHERE user_id = ? AND (hour, conversation_id) < (?, ?) "
    "LIMIT ?",
    Kind.READ,
)
ROWS = Statement(
    "SELECT conversation_id, title, updated_at_ms, leaf, deleted FROM conversations_by_user "
    "WHERE user_id = ? AND conversation_id IN ?",
    Kind.READ,
)

STATEMENTS = (ENTER, LEAVE, ENTRIES, ROWS)

Entry = tuple[int, UUID]
"""(hour, conversation_id)."""

_LAST_HOUR = 2**31 - 1
_GREATEST_ID = UUID(int=2**128 - 1)
_MORE_THAN_ASKED_FOR = 16
"""Room for entries that are not valid any more, so that they seldom cost another read."""


def enter(user_id: UUID, conversation_id: UUID, hour: int, at: int) -> Write:
    """Writes an entry."""
    return ENTER, (user_id, conversation_id, hour, at)


def leave(user_id: UUID, conversation_id: UUID, hour: int, at: int) -> Write:
    """Takes an entry away."""
    return LEAVE, (at, user_id, conversation_id, hour)


def row_of(found: Sequence[Any]) -> ConversationRow:
    """From the columns conversation_id, title, updated_at_ms, leaf, deleted."""
    conversation_id, title, updated_at_ms, leaf, deleted = found[:5]
    return ConversationRow(
        conversation_id=str(conversation_id),
        title=None if deleted else title,
        updated_at_ms=updated_at_ms,
        leaf=None if deleted else text_or_none(leaf),
        deleted=bool(deleted),
    )


class Listing:
    """Reads pages. Raises StoreUnavailable."""

    def __init__(self, session: CassandraSession) -> None:
        self._session = session

    async def page(self, user_id: UUID, limit: int, before: tuple[int, str] | None) -> list[ConversationRow]:
        """At most `limit` conversations older than `before`."""
        chunk, found = limit + _MORE_THAN_ASKED_FOR, list[ConversationRow]()
        end: Entry = (_LAST_HOUR, _GREATEST_ID) if before is None else (hour_of(before[0]), _GREATEST_ID)
        while True:
            entries: list[Any] = await self._session.rows(ENTRIES, user_id, *end, chunk)
            found += [row for row in await self._valid(user_id, entries) if before is None or _place(row) < before]
            is_last = len(entries) < chunk
            # The last hour may go on in the next chunk, and what comes there may be newer than what is here.
            sure = found if is_last else [row for row in found if hour_of(row.updated_at_ms) > entries[-1][0]]
            if is_last or len(sure) >= limit:
                return sorted(sure, key=_place, reverse=True)[:limit]
            end = entries[-1]

    async def _valid(self, user_id: UUID, entries: Sequence[Entry]) -> list[ConversationRow]:
        """The conversations that are listed where they belong. Takes away the entries of those that moved on."""
        if not entries:
            return []
        found = await self._session.rows(ROWS, user_id, [conversation_id for _, conversation_id in entries])
        rows = {row[0]: row_of(row) for row in found if row[2] is not None}
        stale = [(hour, id_) for hour, id_ in entries if id_ in rows and _has_left(rows[id_], hour)]
        if stale:
            await self._session.write(*(leave(user_id, id_, hour, left_at(hour)) for hour, id_ in stale))
        return [rows[id_] for hour, id_ in entries if id_ in rows and _is_valid(rows[id_], hour)]


def _is_valid(row: ConversationRow, hour: int) -> bool:
    return not row.deleted and hour_of(row.updated_at_ms) == hour


def _has_left(row: ConversationRow, hour: int) -> bool:
    return row.deleted or hour_of(row.updated_at_ms) > hour


def _place(row: ConversationRow) -> tuple[int, str]:
    return row.updated_at_ms, row.conversation_id
