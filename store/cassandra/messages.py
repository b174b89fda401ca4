"""The messages of conversations: immutable rows in buckets, read newest first.

A row's write timestamp is its turn's finish time, so a repair is the same write again. A deletion is one tombstone for
each bucket, at a timestamp that no finish time reaches: it also hides what is written after it, whatever its time. Such
tombstones go after `gc_grace_seconds` (10 days); requests are kept for 7, so nothing is written any more by then.
"""

from collections.abc import Callable, Sequence
from itertools import groupby
from typing import Any
from uuid import UUID

from cassandra.query import UNSET_VALUE

from schemas.parts import Usage
from schemas.statuses import TurnStatus
from store.cassandra.buckets import bucket_of, newest_first, next_bucket
from store.cassandra.known import KnownBuckets
from store.cassandra.session import CassandraSession
from store.cassandra.statements import Kind, Statement, Write
from store.cassandra.timestamps import written_at
from store.cassandra.values import text_or_none, unset_if_none, uuid_or_unset
from store.rows import MessageRow

_KEY = "user_id = ? AND conversation_id = ?"
_COLUMNS = (
    "message_id, role, text, created_at_ms, parent_id, model, status, input_tokens, output_tokens, usage_estimated, "
    "turn_id"
)

APPEND = Statement(
    f"INSERT INTO messages (user_id, conversation_id, bucket, {_COLUMNS}) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) USING TIMESTAMP ?",
    Kind.WRITE,
)
NEWEST = Statement(f"SELECT {_COLUMNS} FROM messages WHERE {_KEY} AND bucket = ? LIMIT ?", Kind.READ)
OLDER = Statement(f"SELECT {_COLUMNS} FROM messages WHERE {_KEY} AND bucket = ? AND message_id < ? LIMIT ?", Kind.READ)
ONE = Statement(f"SELECT {_COLUMNS} FROM messages WHERE {_KEY} AND bucket = ? AND message_id = ?", Kind.READ)
COUNT = Statement(f"SELECT count(*) FROM messages WHERE {_KEY} AND bucket = ?", Kind.READ)
BUCKETS = Statement(f"SELECT buckets FROM conversations_by_user WHERE {_KEY}", Kind.READ)
ANNOUNCE = Statement(f"UPDATE conversations_by_user SET buckets = buckets + ? WHERE {_KEY}", Kind.WRITE)

STATEMENTS = (APPEND, NEWEST, OLDER, ONE, COUNT, BUCKETS, ANNOUNCE)


class CassandraMessages:
    """Every method raises StoreUnavailable. Text may hold any Unicode, also NUL; a lone surrogate is a ValueError.

    `is_time_to_count` says after which appends the newest bucket is counted: about one of a hundred.
    """

    def __init__(
        self,
        session: CassandraSession,
        known: KnownBuckets,
        clock_ms: Callable[[], int],
        is_time_to_count: Callable[[], bool],
    ) -> None:
        self._session = session
        self._known = known
        self._clock_ms = clock_ms
        self._is_time_to_count = is_time_to_count

    async def append(self, user_id: str, conversation_id: str, rows: Sequence[MessageRow], written_at_ms: int) -> None:
        """Stores all rows or none. An id that is there already stays as it is; a deleted conversation takes nothing.

        Rows of two buckets are two requests: then an append that fails may have stored the first bucket's.
        """
        announced = await self._buckets(user_id, conversation_id)
        key = (UUID(user_id), UUID(conversation_id))
        in_buckets = [(bucket_of(UUID(row.message_id), announced), row) for row in rows]
        for _, together in groupby(in_buckets, key=lambda placed: placed[0]):
            await self._session.write(*(_insert(*key, *placed, written_at_ms) for placed in together))
        if self._is_time_to_count():
            await self._announce_when_full(user_id, conversation_id, announced)

    async def page(self, user_id: str, conversation_id: str, before: str | None, limit: int) -> list[MessageRow]:
        """At most `limit` messages, newest first, all older than the message id `before` (None: from the newest)."""
        end = None if before is None else UUID(before)
        announced = await self._buckets(user_id, conversation_id)
        rows: list[tuple[Any, ...]] = []
        for bucket in newest_first(announced, end, self._clock_ms()):
            rows += await self._read((UUID(user_id), UUID(conversation_id), bucket), end, limit - len(rows))
            if len(rows) >= limit:
                break
        return [_row_of(row) for row in rows]

    async def one(self, user_id: str, conversation_id: str, message_id: str) -> MessageRow | None:
        """One message, if it is of this user's conversation."""
        wanted, announced = UUID(message_id), await self._buckets(user_id, conversation_id)
        bucket = bucket_of(wanted, announced)
        found = await self._session.row(ONE, UUID(user_id), UUID(conversation_id), bucket, wanted)
        return None if found is None else _row_of(found)

    async def _read(self, partition: tuple[UUID, UUID, int], end: UUID | None, limit: int) -> list[tuple[Any, ...]]:
        if end is None:
            return await self._session.rows(NEWEST, *partition, limit)
        return await self._session.rows(OLDER, *partition, end, limit)

    async def _buckets(self, user_id: str, conversation_id: str) -> frozenset[int]:
        key = (user_id, conversation_id)
        known = self._known.get(key)
        if known is None:
            read_at_ms = self._clock_ms()
            found = await self._session.row(BUCKETS, UUID(user_id), UUID(conversation_id))
            known = frozenset(found[0] or ()) if found else frozenset()
            self._known.put(key, known, read_at_ms)
        return known

    async def _announce_when_full(self, user_id: str, conversation_id: str, announced: frozenset[int]) -> None:
        key, now_ms = (UUID(user_id), UUID(conversation_id)), self._clock_ms()
        counted = await self._session.row(COUNT, *key, newest_first(announced, None, now_ms)[0])
        start = next_bucket(counted[0] if counted else 0, announced, now_ms)
        if start is not None:
            await self._session.write((ANNOUNCE, ({start}, *key)))
            self._known.add((user_id, conversation_id), start)


def _insert(user_id: UUID, conversation_id: UUID, bucket: int, row: MessageRow, written_at_ms: int) -> Write:
    usage = (UNSET_VALUE,) * 3
    if row.usage is not None:
        usage = (row.usage.input_tokens, row.usage.output_tokens, row.usage.estimated)
    values = (
        UUID(row.message_id),
        row.role,
        row.text,
        row.created_at_ms,
        uuid_or_unset(row.parent_id),
        unset_if_none(row.model),
        unset_if_none(row.status),
        *usage,
        uuid_or_unset(row.turn_id),
    )
    return APPEND, (user_id, conversation_id, bucket, *values, written_at(written_at_ms))


def _row_of(found: Sequence[Any]) -> MessageRow:
    message_id, role, text, created_at_ms, parent_id, model, status, input_tokens, output_tokens, estimated, turn_id = (
        found
    )
    return MessageRow(
        message_id=str(message_id),
        role=role,
        text=text,
        created_at_ms=created_at_ms,
        parent_id=text_or_none(parent_id),
        model=model,
        status=None if status is None else TurnStatus(status),
        usage=None if input_tokens is None else Usage(input_tokens, output_tokens, estimated),
        turn_id=text_or_none(turn_id),
    )
