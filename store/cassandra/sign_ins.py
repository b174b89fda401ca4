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
from store.sign_in_rows import SignInRow

GET = Statement(
    "SELECT user_id, role, generation, created_at_ms, expires_at_ms, refresh_hash, ended FROM sign_ins"
    " WHERE sign_in_id = ?",
    Kind.READ,
)
BEGIN = Statement(
    "INSERT INTO sign_ins (sign_in_id, user_id, role, generation, created_at_ms, expires_at_ms, refresh_hash)"
    " VALUES (?, ?, ?, ?, ?, ?, ?) IF NOT EXISTS USING TTL ?",
    Kind.COMPARE_AND_SET,
)
END = Statement("UPDATE sign_ins USING TTL ? SET ended = true WHERE sign_in_id = ?", Kind.WRITE)
ROTATE = Statement(
    "UPDATE sign_ins USING TTL ? SET refresh_hash = ? WHERE sign_in_id = ? IF refresh_hash = ? AND ended = null",
    Kind.COMPARE_AND_SET,
)

STATEMENTS = (GET, BEGIN, END, ROTATE)


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
        found = await self._session.row(GET, sign_in_id)
        if found is None or found[0] is None or found[4] <= self._clock_ms():
            return None
        return _row_of(sign_in_id, found)

    async def end(self, sign_in_id: str, expires_at_ms: int) -> None:
        """Ends it for good. May be repeated."""
        await self._session.write((END, (self._seconds_left(expires_at_ms), sign_in_id)))

    async def rotate(self, sign_in_id: str, old_hash: str, new_hash: str, expires_at_ms: int) -> bool:
        """Replaces the refresh token; False if the old one is not the newest, or the sign-in has ended.

        `expires_at_ms`: the sign-in's own.
        """
        ttl = self._seconds_left(expires_at_ms)
        return await self._session.compare_and_set(ROTATE, ttl, new_hash, sign_in_id, old_hash) is None

    def _seconds_left(self, expires_at_ms: int) -> int:
        """A little longer, for clocks that differ: whoever reads compares `expires_at_ms` anyway."""
        return max(0, expires_at_ms - self._clock_ms()) // 1000 + 60


def _row_of(sign_in_id: str, found: tuple[Any, ...]) -> SignInRow:
    user_id, role, generation, created_at_ms, expires_at_ms, refresh_hash, ended = found
    return SignInRow(
        sign_in_id=sign_in_id,
        user_id=str(user_id),
        role=Role(role),
        generation=generation,
        created_at_ms=created_at_ms,
        expires_at_ms=expires_at_ms,
        refresh_hash=refresh_hash,
        ended=bool(ended),
    )
