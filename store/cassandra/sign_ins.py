"""Sign-ins: begun, renewed by their newest refresh token only, ended for good, forgotten when they expire.

Every cell expires with the sign-in. The end is a cell of its own, written once and plainly, so that no renewal that
runs at the same moment can undo it.
"""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from schemas.roles import Role
from store.cassandra.session import CassandraSession
from store.cassandra.statements import Kind, Statement
from store.cassandra.values import unset_if_none
from store.sign_in_rows import Rotation, SignInRow

_GET = (
    "SELECT user_id, role, generation, created_at_ms, expires_at_ms, refresh_hash, ended, rotated_at_ms FROM sign_ins"
    " WHERE sign_in_id = ?"
)
GET = Statement(_GET, Kind.READ)
GET_NOW = Statement(_GET, Kind.SERIAL_READ)
BEGIN = Statement(
    "INSERT INTO sign_ins (sign_in_id, user_id, role, generation, created_at_ms, expires_at_ms, refresh_hash)"
    " VALUES (?, ?, ?, ?, ?, ?, ?) IF NOT EXISTS USING TTL ?",
    Kind.COMPARE_AND_SET,
)
END = Statement("UPDATE sign_ins USING TTL ? SET ended = true WHERE sign_in_id = ?", Kind.WRITE)
ROTATE = Statement(
    "UPDATE sign_ins USING TTL ? SET refresh_hash = ?, rotated_at_ms = ? WHERE sign_in_id = ?"
    " IF refresh_hash = ? AND ended = null",
    Kind.COMPARE_AND_SET,
)

STATEMENTS = (GET, GET_NOW, BEGIN, END, ROTATE)


class CassandraSignIns:
    """Every method raises StoreUnavailable; a write's outcome is then unknown."""

    def __init__(self, session: CassandraSession, clock_ms: Callable[[], int]) -> None:
        self._session = session
        self._clock_ms = clock_ms

    async def begin(self, row: SignInRow) -> None:
        """Stores a new sign-in, until it expires."""
        fields = (row.role.value, row.generation, row.created_at_ms, row.expires_at_ms, unset_if_none(row.refresh_hash))
        ttl = self._seconds_left(row.expires_at_ms)
        await self._session.compare_and_set(BEGIN, row.sign_in_id, UUID(row.user_id), *fields, ttl)

    async def get(self, sign_in_id: str) -> SignInRow | None:
        """The sign-in, ended or not; None if there is none or it expired."""
        return self._known(sign_in_id, await self._session.row(GET, sign_in_id))

    async def get_now(self, sign_in_id: str) -> SignInRow | None:
        """As `get`, after every rotation whose outcome nobody knew."""
        return self._known(sign_in_id, await self._session.row(GET_NOW, sign_in_id))

    async def end(self, sign_in_id: str, expires_at_ms: int) -> None:
        """Ends it for good. May be repeated."""
        await self._session.write((END, (self._seconds_left(expires_at_ms), sign_in_id)))

    async def rotate(self, sign_in_id: str, rotation: Rotation, expires_at_ms: int) -> bool:
        """Replaces the refresh token; False if the old one is not the newest, or the sign-in has ended.

        `expires_at_ms`: the sign-in's own.
        """
        ttl = self._seconds_left(expires_at_ms)
        fields = (rotation.new_hash, rotation.at_ms, sign_in_id, rotation.old_hash)
        return await self._session.compare_and_set(ROTATE, ttl, *fields) is None

    def _known(self, sign_in_id: str, found: tuple[Any, ...] | None) -> SignInRow | None:
        if found is None or found[0] is None or found[4] <= self._clock_ms():
            return None
        return _row_of(sign_in_id, found)

    def _seconds_left(self, expires_at_ms: int) -> int:
        """A little longer, for clocks that differ: whoever reads compares `expires_at_ms` anyway."""
        return max(0, expires_at_ms - self._clock_ms()) // 1000 + 60


def _row_of(sign_in_id: str, found: tuple[Any, ...]) -> SignInRow:
    user_id, role, generation, created_at_ms, expires_at_ms, refresh_hash, ended, rotated_at_ms = found
    return SignInRow(
        sign_in_id=sign_in_id,
        user_id=str(user_id),
        role=Role(role),
        generation=generation,
        created_at_ms=created_at_ms,
        expires_at_ms=expires_at_ms,
        refresh_hash=refresh_hash,
        ended=bool(ended),
        rotated_at_ms=rotated_at_ms,
    )
