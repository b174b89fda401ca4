"""API keys of a user's programs, by their hashes.

Plain writes: a key is written once, deleted once, and its last use is a cell of its own that expires. A note of use
that comes after the deletion leaves a row without a hash, which is none, and vanishes.
"""

from typing import Any
from uuid import UUID

from store.cassandra.session import CassandraSession
from store.cassandra.statements import Kind, Statement
from store.sign_in_rows import ApiKeyRow

_COLUMNS = "user_id, key_id, key_hash, name, last_four, created_at_ms, used_at_ms"
_USED_SECONDS = 400 * 24 * 3600

ADD = Statement(
    "INSERT INTO api_keys (user_id, key_id, key_hash, name, last_four, created_at_ms) VALUES (?, ?, ?, ?, ?, ?)",
    Kind.WRITE,
)
GET = Statement(f"SELECT {_COLUMNS} FROM api_keys WHERE user_id = ? AND key_id = ?", Kind.READ)
OF_USER = Statement(f"SELECT {_COLUMNS} FROM api_keys WHERE user_id = ?", Kind.READ)
REMOVE = Statement("DELETE FROM api_keys WHERE user_id = ? AND key_id = ?", Kind.WRITE)
USED = Statement(
    f"UPDATE api_keys USING TTL {_USED_SECONDS} SET used_at_ms = ? WHERE user_id = ? AND key_id = ?", Kind.WRITE
)

STATEMENTS = (ADD, GET, OF_USER, REMOVE, USED)


class CassandraApiKeys:
    """Another user's key is one that is not there. Every method raises StoreUnavailable."""

    def __init__(self, session: CassandraSession) -> None:
        self._session = session

    async def add(self, row: ApiKeyRow) -> None:
        """Stores a new key."""
        fields = (row.key_hash, row.name, row.last_four, row.created_at_ms)
        await self._session.write((ADD, (UUID(row.user_id), UUID(row.key_id), *fields)))

    async def get(self, user_id: str, key_id: str) -> ApiKeyRow | None:
        found = await self._session.row(GET, UUID(user_id), UUID(key_id))
        return None if found is None or found[2] is None else _row_of(found)

    async def of_user(self, user_id: str) -> list[ApiKeyRow]:
        """All of the user's keys, in the order of their ids."""
        return [_row_of(found) for found in await self._session.rows(OF_USER, UUID(user_id)) if found[2] is not None]

    async def remove(self, user_id: str, key_id: str) -> None:
        """The key is good no more. May be repeated."""
        await self._session.write((REMOVE, (UUID(user_id), UUID(key_id))))

    async def used(self, user_id: str, key_id: str, at_ms: int) -> None:
        """Notes when it was used last. A key that is gone stays gone."""
        await self._session.write((USED, (at_ms, UUID(user_id), UUID(key_id))))


def _row_of(found: tuple[Any, ...]) -> ApiKeyRow:
    fields = dict(zip(_COLUMNS.split(", "), found, strict=True))
    return ApiKeyRow(**fields | {"user_id": str(found[0]), "key_id": str(found[1])})
