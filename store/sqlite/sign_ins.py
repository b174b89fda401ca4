"""Sign-ins: begun, renewed by their newest refresh token only, ended for good, forgotten when they expire."""

import sqlite3

from schemas.roles import Role
from store.sign_in_rows import Rotation, SignInRow
from store.sqlite.clock import now_ms
from store.sqlite.database import SqliteDatabase

_COLUMNS = "sign_in_id, user_id, role, generation, created_at_ms, expires_at_ms, refresh_hash, ended"
_PURGE = "DELETE FROM sign_ins WHERE expires_at_ms <= ?"
_BEGIN = f"INSERT INTO sign_ins ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
_READ = f"{_COLUMNS}, rotated_at_ms"
_GET = f"SELECT {_READ} FROM sign_ins WHERE sign_in_id = ? AND expires_at_ms > ?"
_END = "UPDATE sign_ins SET ended = 1 WHERE sign_in_id = ?"
_ROTATE = """
UPDATE sign_ins SET refresh_hash = ?, rotated_at_ms = ? WHERE sign_in_id = ? AND refresh_hash = ? AND NOT ended
"""


class SqliteSignIns:
    """Every method raises StoreUnavailable."""

    def __init__(self, database: SqliteDatabase) -> None:
        self._database = database

    async def begin(self, row: SignInRow) -> None:
        """Stores a new sign-in, until it expires."""
        fields = (row.sign_in_id, row.user_id, row.role.value, row.generation, row.created_at_ms, row.expires_at_ms)
        now = now_ms()

        def purge_and_begin(connection: sqlite3.Connection) -> None:
            connection.execute(_PURGE, (now,))
            connection.execute(_BEGIN, (*fields, row.refresh_hash, row.ended))

        await self._database.transact(purge_and_begin)

    async def get(self, sign_in_id: str) -> SignInRow | None:
        """The sign-in, ended or not; None if there is none or it expired."""
        found = await self._database.row(_GET, sign_in_id, now_ms())
        if found is None:
            return None
        fields = dict(zip(_READ.split(", "), found, strict=True))
        return SignInRow(**fields | {"role": Role(fields["role"]), "ended": bool(fields["ended"])})

    async def get_now(self, sign_in_id: str) -> SignInRow | None:
        """As `get`, after every rotation whose outcome nobody knew."""
        return await self.get(sign_in_id)

    async def end(self, sign_in_id: str, expires_at_ms: int) -> None:
        """Ends it for good. May be repeated."""
        await self._database.change(_END, sign_in_id)

    async def rotate(self, sign_in_id: str, rotation: Rotation, expires_at_ms: int) -> bool:
        """Replaces the refresh token; False if the old one is not the newest, or the sign-in has ended.

        `expires_at_ms`: the sign-in's own.
        """
        fields = (rotation.new_hash, rotation.at_ms, sign_in_id, rotation.old_hash)
        return await self._database.change(_ROTATE, *fields) == 1
