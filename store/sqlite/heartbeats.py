"""Heartbeats: a counter for each worker, by which the others tell that it lives (DESIGN 6, step 3)."""

import sqlite3

from store.sqlite.clock import now_ms
from store.sqlite.database import SqliteDatabase

_BEAT = """
INSERT INTO heartbeats (worker_id, counter, expires_at_ms) VALUES (?, ?, ?)
ON CONFLICT DO UPDATE SET counter = excluded.counter, expires_at_ms = excluded.expires_at_ms
"""
_PURGE = "DELETE FROM heartbeats WHERE expires_at_ms <= ?"


class SqliteHeartbeats:
    """A worker that has not beaten for `ttl_seconds` is gone. Every method raises StoreUnavailable."""

    def __init__(self, database: SqliteDatabase, ttl_seconds: float = 60) -> None:
        self._database = database
        self._ttl_ms = round(ttl_seconds * 1000)

    async def beat(self, worker_id: str, counter: int) -> None:
        """Replaces the worker's counter."""
        now = now_ms()

        def purge_and_beat(connection: sqlite3.Connection) -> None:
            connection.execute(_PURGE, (now,))
            connection.execute(_BEAT, (worker_id, counter, now + self._ttl_ms))

        await self._database.transact(purge_and_beat)

    async def counters(self) -> dict[str, int]:
        """The counter of every worker, by its id."""
        rows = await self._database.rows("SELECT worker_id, counter FROM heartbeats WHERE expires_at_ms > ?", now_ms())
        return dict(rows)

    async def leave(self, worker_id: str) -> None:
        """The worker is gone from now on."""
        await self._database.change("DELETE FROM heartbeats WHERE worker_id = ?", worker_id)
