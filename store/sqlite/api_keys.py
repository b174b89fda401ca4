"""API keys of a user's programs, by their hashes."""

from store.sign_in_rows import ApiKeyRow
from store.sqlite.database import SqliteDatabase

_COLUMNS = "user_id, key_id, key_hash, name, last_four, created_at_ms, used_at_ms"
_ADD = f"INSERT INTO api_keys ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)"
_GET = f"SELECT {_COLUMNS} FROM api_keys WHERE user_id = ? AND key_id = ?"
_OF_USER = f"SELECT {_COLUMNS} FROM api_keys WHERE user_id = ? ORDER BY key_id"
_REMOVE = "DELETE FROM api_keys WHERE user_id = ? AND key_id = ?"
_USED = "UPDATE api_keys SET used_at_ms = ? WHERE user_id = ? AND key_id = ?"


class SqliteApiKeys:
    """Another user's key is one that is not there. Every method raises StoreUnavailable."""

    def __init__(self, database: SqliteDatabase) -> None:
        self._database = database

    async def add(self, row: ApiKeyRow) -> None:
        """Stores a new key."""
        fields = (row.user_id, row.key_id, row.key_hash, row.name, row.last_four, row.created_at_ms, row.used_at_ms)
        await self._database.change(_ADD, *fields)

    async def get(self, user_id: str, key_id: str) -> ApiKeyRow | None:
        found = await self._database.row(_GET, user_id, key_id)
        return None if found is None else _row_of(found)

    async def of_user(self, user_id: str) -> list[ApiKeyRow]:
        """All of the user's keys, in the order of their ids."""
        return [_row_of(found) for found in await self._database.rows(_OF_USER, user_id)]

    async def remove(self, user_id: str, key_id: str) -> None:
        """The key is good no more. May be repeated."""
        await self._database.change(_REMOVE, user_id, key_id)

    async def used(self, user_id: str, key_id: str, at_ms: int) -> None:
        """Notes when it was used last. A key that is gone stays gone."""
        await self._database.change(_USED, at_ms, user_id, key_id)


def _row_of(found: tuple[object, ...]) -> ApiKeyRow:
    return ApiKeyRow(**dict(zip(_COLUMNS.split(", "), found, strict=True)))  # type: ignore[arg-type]
