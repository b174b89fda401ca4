"""Checkpoints: the newest text of each running turn, kept for a while."""

import sqlite3

import msgspec

from store.rows import Checkpoint
from store.sqlite.clock import now_ms
from store.sqlite.database import SqliteDatabase

_decoder = msgspec.json.Decoder(Checkpoint)

_SAVE = """
INSERT INTO checkpoints (turn_id, attempt, seq, expires_at_ms, row) VALUES (?, ?, ?, ?, ?)
ON CONFLICT DO UPDATE SET
    attempt = excluded.attempt, seq = excluded.seq, expires_at_ms = excluded.expires_at_ms, row = excluded.row
WHERE (excluded.attempt, excluded.seq) >= (attempt, seq)
"""
_PURGE = "DELETE FROM checkpoints WHERE expires_at_ms <= ?"
_NEWEST = "SELECT row FROM checkpoints WHERE turn_id = ? AND expires_at_ms > ?"


class SqliteCheckpoints:
    """Each save is kept for `ttl_seconds`. Every method raises StoreUnavailable."""

    def __init__(self, database: SqliteDatabase, ttl_seconds: float) -> None:
        self._database = database
        self._ttl_ms = round(ttl_seconds * 1000)

    async def save(self, turn_id: str, checkpoint: Checkpoint) -> None:
        """Replaces the turn's checkpoint unless that one is of a higher attempt, or further in the same attempt."""
        now = now_ms()
        fence = (checkpoint.attempt, checkpoint.seq)
        parameters = (turn_id, *fence, now + self._ttl_ms, msgspec.json.encode(checkpoint))

        def purge_and_save(connection: sqlite3.Connection) -> None:
            connection.execute(_PURGE, (now,))
            connection.execute(_SAVE, parameters)

        await self._database.transact(purge_and_save)

    async def newest(self, turn_id: str) -> Checkpoint | None:
        """The turn's checkpoint, unless there is none or it expired."""
        found = await self._database.row(_NEWEST, turn_id, now_ms())
        return None if found is None else _decoder.decode(found[0])
