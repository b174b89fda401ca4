"""Turns and their claims, on every store."""

import asyncio

import msgspec
import pytest

from schemas.ids import new_id
from store.errors import StoreError
from store.rows import TurnRow
from tests.contracts.conftest import Store
from tests.contracts.rows import a_finish, a_full_turn, a_turn


def changed(row: TurnRow, **fields: object) -> TurnRow:
    return msgspec.structs.replace(row, version=row.version + 1, **fields)


async def test_an_unknown_turn_has_no_row(store: Store) -> None:
    assert await store.turns.load(new_id()) is None


async def test_a_turn_comes_back_with_every_field_as_it_was_written(store: Store) -> None:
    row = a_full_turn()
    assert await store.turns.compare_and_set(row, None) is None
    assert await store.turns.load(row.turn_id) == row


async def test_a_write_on_the_version_last_seen_is_applied(store: Store) -> None:
    first = a_turn()
    second = changed(first, attempt=1, owner="worker-1", nonce="n")
    await store.turns.compare_and_set(first, None)
    assert await store.turns.compare_and_set(second, 1) is None
    assert await store.turns.load(first.turn_id) == second


async def test_a_first_write_is_refused_with_the_row_that_is_there(store: Store) -> None:
    first = a_turn(owner="worker-1")
    await store.turns.compare_and_set(first, None)
    assert await store.turns.compare_and_set(msgspec.structs.replace(first, owner="worker-2"), None) == first
    assert await store.turns.load(first.turn_id) == first


async def test_a_write_on_an_old_version_is_refused_with_the_row_that_is_there(store: Store) -> None:
    first = a_turn()
    second = changed(first, stop=True)
    await store.turns.compare_and_set(first, None)
    await store.turns.compare_and_set(second, 1)
    assert await store.turns.compare_and_set(changed(first, owner="late"), 1) == second
    assert await store.turns.load(first.turn_id) == second


async def test_a_write_on_a_version_not_reached_yet_is_refused(store: Store) -> None:
    first = a_turn()
    await store.turns.compare_and_set(first, None)
    assert await store.turns.compare_and_set(msgspec.structs.replace(first, version=3), 2) == first


async def test_expecting_a_version_of_a_turn_that_is_not_there_is_an_error_and_writes_nothing(store: Store) -> None:
    row = a_turn(version=2)
    with pytest.raises(StoreError):
        await store.turns.compare_and_set(row, 1)
    assert await store.turns.load(row.turn_id) is None


async def test_a_row_whose_version_is_not_the_next_one_is_a_bug_of_the_caller(store: Store) -> None:
    with pytest.raises(AssertionError):
        await store.turns.compare_and_set(a_turn(version=2), None)


@pytest.mark.parametrize("expected_version", [None, 1])
async def test_of_claimants_at_the_same_moment_one_wins_and_the_others_get_its_row(
    store: Store, expected_version: int | None
) -> None:
    unclaimed = a_turn()
    if expected_version is not None:
        await store.turns.compare_and_set(unclaimed, None)
    version = (expected_version or 0) + 1
    claims = [msgspec.structs.replace(unclaimed, version=version, nonce=new_id()) for _ in range(8)]
    answers = await asyncio.gather(*(store.turns.compare_and_set(claim, expected_version) for claim in claims))
    winner = claims[answers.index(None)]
    assert [answer for answer in answers if answer is not None] == [winner] * 7
    assert await store.turns.load(unclaimed.turn_id) == winner


async def test_claims_of_different_turns_do_not_hinder_each_other(store: Store) -> None:
    rows = [a_turn() for _ in range(50)]
    assert await asyncio.gather(*(store.turns.compare_and_set(row, None) for row in rows)) == [None] * 50
    assert await asyncio.gather(*(store.turns.load(row.turn_id) for row in rows)) == rows


async def test_counters_raised_by_many_at_once_lose_no_step(store: Store) -> None:
    row = a_turn()
    await store.turns.compare_and_set(row, None)

    async def raise_once() -> None:
        seen: TurnRow | None = row
        while seen is not None:
            seen = await store.turns.compare_and_set(changed(seen, releases=seen.releases + 1), seen.version)

    await asyncio.gather(*(raise_once() for _ in range(10)))
    after = await store.turns.load(row.turn_id)
    assert after is not None
    assert (after.version, after.releases) == (11, 10)


async def test_open_turns_of_a_conversation_are_those_without_an_end(store: Store) -> None:
    user_id, conversation_id = new_id(), new_id()
    ended, stopped = a_turn(user_id, conversation_id), a_turn(user_id, conversation_id, stop=True)
    running = a_turn(user_id, conversation_id, attempt=1, owner="worker-1")
    for row in (ended, stopped, running, a_turn(user_id), a_turn(new_id(), conversation_id)):
        await store.turns.compare_and_set(row, None)
    await store.turns.compare_and_set(changed(ended, finish=a_finish()), 1)
    found = await store.turns.open_of_conversation(user_id, conversation_id)
    assert sorted(found, key=lambda row: row.turn_id) == sorted([stopped, running], key=lambda row: row.turn_id)


async def test_another_users_conversation_of_the_same_id_has_no_open_turns(store: Store) -> None:
    row = a_turn()
    await store.turns.compare_and_set(row, None)
    assert await store.turns.open_of_conversation(new_id(), row.conversation_id) == []


@pytest.mark.parametrize("text", ["", "नमस्ते 👩‍👩‍👧 \U0001f600", "a NUL: \x00 stays", "x" * 1_000_000])
async def test_an_answer_of_any_unicode_text_is_kept_to_the_letter(store: Store, text: str) -> None:
    row = a_turn(finish=a_finish(text))
    await store.turns.compare_and_set(row, None)
    assert await store.turns.load(row.turn_id) == row
