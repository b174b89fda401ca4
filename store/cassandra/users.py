"""Users: local accounts, and the generation of everybody's sign-ins. Only compare-and-set writes touch them."""

from typing import Any
from uuid import UUID

from schemas.roles import Role
from store.cassandra.session import CassandraSession
from store.cassandra.statements import Kind, Statement
from store.cassandra.values import unset_if_none
from store.sign_in_rows import UserChange, UserRow

_COLUMNS = "user_id, name, password_hash, role, disabled, created_at_ms, generation"

_GET = f"SELECT {_COLUMNS} FROM users WHERE user_id = ?"
GET = Statement(_GET, Kind.READ)
GET_NOW = Statement(_GET, Kind.SERIAL_READ)
ADD = Statement(f"INSERT INTO users ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?) IF NOT EXISTS", Kind.COMPARE_AND_SET)
CHANGE = Statement(
    "UPDATE users SET password_hash = ?, role = ?, disabled = ?, generation = ? WHERE user_id = ? IF name != null",
    Kind.COMPARE_AND_SET,
)
# The condition holds for a user without a row too, and lets a repetition be refused.
RENEW = Statement("UPDATE users SET generation = ? WHERE user_id = ? IF generation != ?", Kind.COMPARE_AND_SET)
FIRST = Statement(f"SELECT {_COLUMNS} FROM users LIMIT ?", Kind.READ)
AFTER = Statement(f"SELECT {_COLUMNS} FROM users WHERE token(user_id) > token(?) LIMIT ?", Kind.READ)

STATEMENTS = (GET, GET_NOW, ADD, CHANGE, RENEW, FIRST, AFTER)


class CassandraUsers:
    """Every method raises StoreUnavailable; a write's outcome is then unknown, and repeating it does no harm."""

    def __init__(self, session: CassandraSession) -> None:
        self._session = session

    async def get(self, user_id: str) -> UserRow | None:
        """What is known of the user."""
        found = await self._session.row(GET, UUID(user_id))
        return None if found is None else _row_of(found)

    async def get_now(self, user_id: str) -> UserRow | None:
        """As `get`, after every change that was begun before, in whatever datacenter."""
        found = await self._session.row(GET_NOW, UUID(user_id))
        return None if found is None else _row_of(found)

    async def add(self, row: UserRow) -> bool:
        """Makes a local account; False if there is one."""
        fields = (row.name, row.password_hash, row.role.value, row.disabled, row.created_at_ms, row.generation)
        return await self._session.compare_and_set(ADD, UUID(row.user_id), *fields) is None

    async def change(self, user_id: str, change: UserChange) -> bool:
        """Changes a local account; False if there is none."""
        role = None if change.role is None else change.role.value
        fields = (change.password_hash, role, change.disabled, change.generation)
        refused = await self._session.compare_and_set(CHANGE, *map(unset_if_none, fields), UUID(user_id))
        return refused is None

    async def renew_generation(self, user_id: str, generation: str) -> None:
        """Ends every sign-in of the user that began before, whoever vouches for them."""
        await self._session.compare_and_set(RENEW, generation, UUID(user_id), generation)

    async def accounts(self, limit: int, after: str | None = None) -> list[UserRow]:
        """At most `limit` local accounts, in an order of the store's own. `after`: the last `user_id` of the page
        before.
        """
        found, last = list[UserRow](), after
        while len(found) < limit:
            rows = await self._rows(limit, last)
            found += [row for row in rows if row.name is not None]
            if len(rows) < limit:
                break
            last = rows[-1].user_id
        return found[:limit]

    async def _rows(self, limit: int, after: str | None) -> list[UserRow]:
        asked = (FIRST, limit) if after is None else (AFTER, UUID(after), limit)
        return [_row_of(found) for found in await self._session.rows(*asked)]


def _row_of(found: tuple[Any, ...]) -> UserRow:
    user_id, name, password_hash, role, disabled, created_at_ms, generation = found
    return UserRow(
        user_id=str(user_id),
        name=name,
        password_hash=password_hash,
        role=Role(role or Role.USER),
        disabled=bool(disabled),
        created_at_ms=created_at_ms or 0,
        generation=generation or "",
    )
