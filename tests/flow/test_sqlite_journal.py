"""The journal of the embedded mode."""

import msgspec
import pytest

from schemas.ids import new_id
from store.rows import TurnRow
from store.sqlite.journal import JournalEntry
from store.sqlite.opening import SqliteStore, open_store
from tests.contracts.rows import a_finish, a_turn


@pytest.fixture
async def store(tmp_path):
    async with open_store(tmp_path / "samvad.db") as opened:
        yield opened


def entry(turn_id: str, value: bytes = b'{"text":"\x00\xff"}') -> JournalEntry:
    return JournalEntry(turn_id, f"user/{turn_id}", value, [("ce_id", turn_id.encode()), ("turn", b"\x00\xff")])


async def record(store: SqliteStore, *entries: JournalEntry) -> None:
    for each in entries:
        await store.journal.record(each.turn_id, each.key, each.value, each.headers)


async def test_a_record_comes_back_byte_for_byte(store: SqliteStore) -> None:
    await record(store, entry("one"))
    assert await store.journal.unsettled() == [entry("one")]


async def test_records_are_in_the_order_in_which_they_were_first_recorded(store: SqliteStore) -> None:
    await record(store, entry("b"), entry("a"), entry("c"), entry("b", b"again"))
    assert await store.journal.unsettled() == [entry("b"), entry("a"), entry("c")]


async def test_a_record_stays_until_its_turn_is_settled(store: SqliteStore) -> None:
    await record(store, entry("a"), entry("b"), entry("c"))
    await store.journal.settle("b")
    await store.journal.settle("unknown")
    await record(store, entry("d"))
    assert await store.journal.unsettled() == [entry("a"), entry("c"), entry("d")]


async def test_recording_says_whether_the_turn_is_new(store: SqliteStore) -> None:
    one = entry("one")
    assert await store.journal.record(one.turn_id, one.key, one.value, one.headers)
    assert not await store.journal.record(one.turn_id, one.key, one.value, one.headers)


async def test_a_start_releases_every_claim_that_is_held_and_nothing_else(store: SqliteStore) -> None:
    held = a_turn(owner="worker-1", attempt=2, releases=1, nonce=new_id())
    others = [a_turn(stop=True), a_turn(attempt=1, releases=1), a_turn(owner="worker-1", finish=a_finish())]
    for row in (held, *others):
        await store.turns.compare_and_set(row, None)
    assert await store.journal.release_all_claims() == 1
    released = msgspec.structs.replace(held, owner=None, releases=2, version=2)
    assert await store.turns.load(held.turn_id) == released
    assert [await store.turns.load(row.turn_id) for row in others] == others
    assert await claim(store, released) is None


async def claim(store: SqliteStore, row: TurnRow) -> TurnRow | None:
    return await store.turns.compare_and_set(
        msgspec.structs.replace(row, owner="worker-2", version=row.version + 1), row.version
    )
