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


async def end(store: SqliteStore, turn_id: str) -> None:
    await store.turns.compare_and_set(a_turn(turn_id=turn_id, finish=a_finish()), None)


async def test_a_record_comes_back_byte_for_byte(store: SqliteStore) -> None:
    await record(store, entry("one"))
    assert await store.journal.unended() == [entry("one")]


async def test_unended_records_are_in_the_order_in_which_they_were_first_recorded(store: SqliteStore) -> None:
    await record(store, entry("b"), entry("a"), entry("c"), entry("b", b"again"))
    assert await store.journal.unended() == [entry("b"), entry("a"), entry("c")]


async def test_only_a_turn_with_an_end_is_left_out(store: SqliteStore) -> None:
    await record(store, entry("ended"), entry("running"), entry("unknown"))
    await end(store, "ended")
    await store.turns.compare_and_set(a_turn(turn_id="running", owner="worker-1", attempt=1), None)
    assert await store.journal.unended() == [entry("running"), entry("unknown")]


async def test_unended_bytes_count_what_has_no_end(store: SqliteStore) -> None:
    assert await store.journal.unended_bytes() == 0
    await record(store, entry("one", b"x" * 1000))
    of_one = await store.journal.unended_bytes()
    assert 1000 < of_one < 1100
    await record(store, entry("two", b"x" * 1000))
    assert await store.journal.unended_bytes() == 2 * of_one
    await end(store, "one")
    assert await store.journal.unended_bytes() == of_one


async def test_pruning_drops_ended_turns_and_keeps_the_order_of_the_rest(store: SqliteStore) -> None:
    await record(store, entry("a"), entry("b"), entry("c"))
    await end(store, "c")
    await store.journal.prune()
    await record(store, entry("d"))
    assert await store.journal.unended() == [entry("a"), entry("b"), entry("d")]


async def test_an_ended_turn_that_was_pruned_and_is_recorded_again_stays_ended(store: SqliteStore) -> None:
    await record(store, entry("one"))
    await end(store, "one")
    await store.journal.prune()
    await record(store, entry("one"))
    assert await store.journal.unended() == []


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
