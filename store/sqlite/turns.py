"""Turns and their claims: rows that only compare-and-set writes (DESIGN 6, step 3)."""

import sqlite3
from functools import partial

import msgspec

from store.errors import StoreError
from store.rows import TurnRow
from store.sqlite.database import SqliteDatabase

_decoder = msgspec.json.Decoder(TurnRow)

_INSERT = """
INSERT INTO turns (turn_id, user_id, conversation_id, version, ended, row) VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT DO NOTHING
"""
_UPDATE = "UPDATE turns SET version = ?, ended = ?, row = ? WHERE turn_id = ? AND version = ?"
_LOAD = "SELECT row FROM turns WHERE turn_id = ?"
_OPEN = "SELECT row FROM turns WHERE user_id = ? AND conversation_id = ? AND NOT ended"


class SqliteTurns:
    """Every method raises StoreUnavailable; a write's outcome is then unknown."""

    def __init__(self, database: SqliteDatabase) -> None:
        self._database = database

    async def load(self, turn_id: str) -> TurnRow | None:
        """The row as it is now."""
        found = await self._database.row(_LOAD, turn_id)
        return None if found is None else _decoder.decode(found[0])

    async def compare_and_set(self, row: TurnRow, expected_version: int | None) -> TurnRow | None:
        """Writes `row` if the stored version is `expected_version` (None: if there is no row of this turn).

        None when it was written, else the stored row: decide again on that. Raises StoreError if a version was
        expected but there is no row at all: rows are never taken away, so the file was replaced under us.
        """
        assert row.version == (expected_version or 0) + 1, "every write raises the version by one"
        write = partial(_compare_and_set, row=row, expected_version=expected_version)
        found = await self._database.transact(write)
        return None if found is None else _decoder.decode(found)

    async def open_of_conversation(self, user_id: str, conversation_id: str) -> list[TurnRow]:
        """The conversation's turns without an end, in no particular order."""
        return [_decoder.decode(row) for (row,) in await self._database.rows(_OPEN, user_id, conversation_id)]


def _compare_and_set(connection: sqlite3.Connection, row: TurnRow, expected_version: int | None) -> bytes | None:
    if _write(connection, row, expected_version):
        return None
    found: tuple[bytes] | None = connection.execute(_LOAD, (row.turn_id,)).fetchone()
    if found is None:
        raise StoreError(f"turn {row.turn_id} had version {expected_version} and is gone")
    return found[0]


def _write(connection: sqlite3.Connection, row: TurnRow, expected_version: int | None) -> bool:
    values = (row.version, row.is_ended, msgspec.json.encode(row))
    if expected_version is None:
        changed = connection.execute(_INSERT, (row.turn_id, row.user_id, row.conversation_id, *values))
    else:
        changed = connection.execute(_UPDATE, (*values, row.turn_id, expected_version))
    return changed.rowcount == 1
