"""Tickets that were redeemed: each once, on whatever edge."""

import sqlite3

from store.sqlite.clock import now_ms
from store.sqlite.database import SqliteDatabase

_PURGE = "DELETE FROM used_tickets WHERE expires_at_ms <= ?"
_USE = "INSERT INTO used_tickets (ticket_id, nonce, expires_at_ms) VALUES (?, ?, ?) ON CONFLICT DO NOTHING"
_NONCE = "SELECT nonce FROM used_tickets WHERE ticket_id = ?"


class SqliteUsedTickets:
    """Every method raises StoreUnavailable."""

    def __init__(self, database: SqliteDatabase) -> None:
        self._database = database

    async def use(self, ticket_id: str, nonce: str, ttl_seconds: int) -> bool:
        """True for the first who uses it, and for the same nonce again.

        Remembered for `ttl_seconds`: longer than the ticket itself is good.
        """
        now = now_ms()

        def purge_and_use(connection: sqlite3.Connection) -> bool:
            connection.execute(_PURGE, (now,))
            connection.execute(_USE, (ticket_id, nonce, now + ttl_seconds * 1000))
            stored: tuple[str] = connection.execute(_NONCE, (ticket_id,)).fetchone()
            return stored[0] == nonce

        return await self._database.transact(purge_and_use)
