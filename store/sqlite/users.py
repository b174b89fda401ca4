"""Users: local accounts, and the generation of everybody's sign-ins."""

import sqlite3
from collections.abc import Sequence
from typing import Any

from schemas.roles import Role
from store.sign_in_rows import UserChange, UserRow
from store.sqlite.database import SqliteDatabase

_COLUMNS = "user_id, name, password_hash, role, disabled, created_at_ms, generation"
_GET = f"SELECT {_COLUMNS} FROM users WHERE user_id = ?"
_ADD = f"INSERT INTO users ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"
_CHANGE = """
UPDATE users SET
    password_hash = coalesce(?, password_hash), role = coalesce(?, role),
    disabled = coalesce(?, disabled), generation = coalesce(?, generation)
WHERE user_id = ? AND name IS NOT NULL
"""
_RENEW = """
INSERT INTO users (user_id, generation) VALUES (?, ?) ON CONFLICT DO UPDATE SET generation = excluded.generation
"""
_ACCOUNTS = f"SELECT {_COLUMNS} FROM users WHERE name IS NOT NULL AND user_id > ? ORDER BY user_id LIMIT ?"


class SqliteUsers:
    """Every method raises StoreUnavailable."""

    def __init__(self, database: SqliteDatabase) -> None:
        self._database = database

    async def get(self, user_id: str) -> UserRow | None:
        """What is known of the user."""
        found = await self._database.row(_GET, user_id)
        return None if found is None else _row_of(found)

    async def get_now(self, user_id: str) -> UserRow | None:
        """As `get`, after every change that was begun before."""
        return await self.get(user_id)

    async def add(self, row: UserRow) -> bool:
        """Makes a local account; False if there is one."""
        fields = (row.user_id, row.name, row.password_hash, row.role.value, row.disabled, row.created_at_ms)
        return await self._database.change(_ADD, *fields, row.generation) == 1

    async def change(self, user_id: str, change: UserChange) -> bool:
        """Changes a local account; False if there is none."""
        role = None if change.role is None else change.role.value
        fields = (change.password_hash, role, change.disabled, change.generation)
        return await self._database.change(_CHANGE, *fields, user_id) == 1

    async def renew_generation(self, user_id: str, generation: str) -> None:
        """Ends every sign-in of the user that began before, whoever vouches for them."""
        parameters = (user_id, generation)

        def renew(connection: sqlite3.Connection) -> None:
            connection.execute(_RENEW, parameters)

        await self._database.transact(renew)

    async def accounts(self, limit: int, after: str | None = None) -> list[UserRow]:
        """At most `limit` local accounts, in an order of the store's own. `after`: the last `user_id` of the page
        before.
        """
        return [_row_of(found) for found in await self._database.rows(_ACCOUNTS, after or "", limit)]


def _row_of(found: Sequence[Any]) -> UserRow:
    user_id, name, password_hash, role, disabled, created_at_ms, generation = found
    return UserRow(
        user_id=user_id,
        name=name,
        password_hash=password_hash,
        role=Role(role),
        disabled=bool(disabled),
        created_at_ms=created_at_ms,
        generation=generation,
    )
