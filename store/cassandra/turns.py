"""Turns and their claims: rows that only compare-and-set writes (DESIGN 6, step 3).

A row is one JSON document beside the version that is compared: each write replaces the whole, as Paxos would anyway.
"""

import asyncio
from uuid import UUID

import msgspec

from store.cassandra import open_turns
from store.cassandra.session import CassandraSession
from store.cassandra.statements import Kind, Statement
from store.errors import StoreError
from store.rows import TurnRow

INSERT = Statement("INSERT INTO turns (turn_id, version, row) VALUES (?, ?, ?) IF NOT EXISTS", Kind.COMPARE_AND_SET)
# The second condition always holds; it makes a refusal tell the row that is there.
UPDATE = Statement(
    "UPDATE turns SET version = ?, row = ? WHERE turn_id = ? IF version = ? AND row != null", Kind.COMPARE_AND_SET
)
LOAD = Statement("SELECT row FROM turns WHERE turn_id = ?", Kind.SERIAL_READ)

STATEMENTS = (INSERT, UPDATE, LOAD)

_decoder = msgspec.json.Decoder(TurnRow)


class CassandraTurns:
    """Every method raises StoreUnavailable; a write's outcome is then unknown.

    The caller writes again: refused, but with its own nonce in the row it gets back, the first write was applied.
    """

    def __init__(self, session: CassandraSession, ended: open_turns.EndedTurns) -> None:
        self._session = session
        self._ended = ended

    async def load(self, turn_id: str) -> TurnRow | None:
        """The row as it is now, after every compare-and-set whose outcome nobody knew."""
        found = await self._session.row(LOAD, UUID(turn_id))
        return None if found is None else _decoder.decode(found[0])

    async def compare_and_set(self, row: TurnRow, expected_version: int | None) -> TurnRow | None:
        """Writes `row` if the stored version is `expected_version` (None: if there is no row of this turn).

        None when it was written, else the stored row: decide again on that. Raises StoreError if a version was
        expected but there is no row at all: rows are never taken away, so the keyspace was replaced under us.
        """
        assert row.version == (expected_version or 0) + 1, "every write raises the version by one"
        stored = await self._write_noted(row, expected_version)
        if (stored or row).is_ended:
            self._ended.add((row.user_id, row.conversation_id), row.turn_id)
        return stored

    async def open_of_conversation(self, user_id: str, conversation_id: str) -> list[TurnRow]:
        """The conversation's turns without an end, in no particular order."""
        noted = await self._session.rows(open_turns.NOTED, UUID(user_id), UUID(conversation_id))
        rows = await asyncio.gather(*(self.load(str(turn_id)) for (turn_id,) in noted))
        ended = [open_turns.forget(user_id, conversation_id, row.turn_id) for row in rows if row and row.is_ended]
        if ended:
            await self._session.write(*ended)
        return [row for row in rows if row is not None and not row.is_ended]

    async def _write_noted(self, row: TurnRow, expected_version: int | None) -> TurnRow | None:
        if row.is_ended:
            return await self._write(row, expected_version)
        # The entry costs no time: it is written meanwhile. Either failing, the caller writes both again.
        # Refused because the turn has ended, a claim has noted it again: that entry is tidied like the first.
        entry = open_turns.note(row.user_id, row.conversation_id, row.turn_id)
        _, stored = await asyncio.gather(self._session.write(entry), self._write(row, expected_version))
        return stored

    async def _write(self, row: TurnRow, expected_version: int | None) -> TurnRow | None:
        key, document = UUID(row.turn_id), msgspec.json.encode(row).decode()
        if expected_version is None:
            stored = await self._session.compare_and_set(INSERT, key, row.version, document)
        else:
            stored = await self._session.compare_and_set(UPDATE, row.version, document, key, expected_version)
        if stored is None:
            return None
        if "row" not in stored:
            raise StoreError(f"turn {row.turn_id} had version {expected_version} and is gone")
        return _decoder.decode(stored["row"])
