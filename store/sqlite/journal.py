"""The journal of the embedded mode: requests that the in-process broker would forget on exit (DESIGN 8)."""

import sqlite3

import msgspec

from schemas.headers import Headers
from store.rows import TurnRow, released_row
from store.sqlite.database import SqliteDatabase

_turns = msgspec.json.Decoder(TurnRow)
_headers: msgspec.msgpack.Decoder[Headers] = msgspec.msgpack.Decoder(Headers)

_RECORD = "INSERT INTO journal (turn_id, key, value, headers) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING"
_ENTRIES = "SELECT turn_id, key, value, headers FROM journal ORDER BY position"
_SETTLE = "DELETE FROM journal WHERE turn_id = ?"
_OPEN_TURNS = "SELECT row FROM turns WHERE NOT ended"
_REPLACE_TURN = "UPDATE turns SET version = ?, row = ? WHERE turn_id = ?"


class JournalEntry(msgspec.Struct, frozen=True):
    """One request as it goes to the broker."""

    turn_id: str
    key: str
    value: bytes
    headers: Headers


class SqliteJournal:
    """Requests from before `accepted` until their turns are settled. Every method raises StoreUnavailable."""

    def __init__(self, database: SqliteDatabase) -> None:
        self._database = database

    async def record(self, turn_id: str, key: str, value: bytes, headers: Headers) -> bool:
        """Keeps the request. A turn that is there already keeps its first one, and its place: then False."""
        return await self._database.change(_RECORD, turn_id, key, value, msgspec.msgpack.encode(headers)) == 1

    async def unsettled(self) -> list[JournalEntry]:
        """The requests that are not settled, in the order in which they were first recorded."""
        rows = await self._database.rows(_ENTRIES)
        return [JournalEntry(turn_id, key, value, _headers.decode(headers)) for turn_id, key, value, headers in rows]

    async def settle(self, turn_id: str) -> None:
        """Drops a request whose turn has ended with all that follows from its end, as an offset is committed."""
        await self._database.change(_SETTLE, turn_id)

    async def release_all_claims(self) -> int:
        """Releases every claim that is held, and says how many.

        Only at start and under `embedded_lock`: no worker of this folder lives then. An open turn without an owner
        has nothing to release and stays as it is.
        """
        return await self._database.transact(_release_all_claims)


def _release_all_claims(connection: sqlite3.Connection) -> int:
    rows = [_turns.decode(row) for (row,) in connection.execute(_OPEN_TURNS)]
    released = [released_row(row) for row in rows if row.owner is not None]
    parameters = [(row.version, msgspec.json.encode(row), row.turn_id) for row in released]
    connection.executemany(_REPLACE_TURN, parameters)
    return len(released)
