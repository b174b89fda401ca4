"""The list of conversations, on every store."""

import asyncio
from typing import Any

import pytest

from schemas.ids import new_id
from store.rows import ConversationRow
from tests.contracts.conftest import Store
from tests.contracts.rows import message_id


async def touch(store: Store, user_id: str, conversation_id: str, updated_at_ms: int, **fields: Any) -> None:
    defaults = {"leaf": message_id(updated_at_ms), "title_if_none": None}
    await store.conversations.touch(user_id, conversation_id, updated_at_ms=updated_at_ms, **(defaults | fields))


async def touched(store: Store, user_id: str, moments: list[int]) -> list[str]:
    """Conversations of these moments; their ids."""
    ids = [new_id() for _ in moments]
    for conversation_id, moment in zip(ids, moments, strict=True):
        await touch(store, user_id, conversation_id, moment)
    return ids


async def test_an_unknown_conversation_is_none(store: Store) -> None:
    assert await store.conversations.get(new_id(), new_id()) is None
    assert await store.conversations.newest(new_id(), 10) == []


async def test_the_first_touch_makes_the_conversation(store: Store) -> None:
    user_id, conversation_id, leaf = new_id(), new_id(), message_id(5)
    await touch(store, user_id, conversation_id, 5, leaf=leaf, title_if_none="Trees")
    row = ConversationRow(conversation_id=conversation_id, title="Trees", updated_at_ms=5, leaf=leaf)
    assert await store.conversations.get(user_id, conversation_id) == row
    assert await store.conversations.newest(user_id, 10) == [row]


@pytest.mark.parametrize("leaf_moment", [1, 9])
async def test_a_later_touch_moves_the_leaf_whatever_its_id_and_keeps_the_title(store: Store, leaf_moment: int) -> None:
    user_id, conversation_id, leaf = new_id(), new_id(), message_id(leaf_moment)
    await touch(store, user_id, conversation_id, 5, title_if_none="Trees")
    await touch(store, user_id, conversation_id, 9, leaf=leaf, title_if_none="Other")
    row = ConversationRow(conversation_id=conversation_id, title="Trees", updated_at_ms=9, leaf=leaf)
    assert await store.conversations.get(user_id, conversation_id) == row


async def test_a_late_repair_never_moves_a_conversation_backwards(store: Store) -> None:
    user_id, conversation_id, leaf = new_id(), new_id(), message_id(9)
    await touch(store, user_id, conversation_id, 9, leaf=leaf)
    await touch(store, user_id, conversation_id, 5)
    row = await store.conversations.get(user_id, conversation_id)
    assert row is not None
    assert (row.updated_at_ms, row.leaf) == (9, leaf)


async def test_a_title_is_set_when_there_was_none_even_by_a_late_repair(store: Store) -> None:
    user_id, conversation_id = new_id(), new_id()
    await touch(store, user_id, conversation_id, 9)
    await touch(store, user_id, conversation_id, 5, title_if_none="Trees")
    row = await store.conversations.get(user_id, conversation_id)
    assert row is not None
    assert row.title == "Trees"


@pytest.mark.parametrize("greater_first", [True, False])
async def test_two_touches_of_one_moment_end_alike_in_either_order(store: Store, greater_first: bool) -> None:
    user_id, conversation_id = new_id(), new_id()
    leaves = sorted([message_id(5), message_id(6)], reverse=greater_first)
    for leaf in leaves:
        await touch(store, user_id, conversation_id, 9, leaf=leaf)
    row = await store.conversations.get(user_id, conversation_id)
    assert row is not None
    assert row.leaf == max(leaves)


async def test_touches_at_the_same_moment_leave_the_newest(store: Store) -> None:
    user_id, conversation_id = new_id(), new_id()
    await asyncio.gather(*(touch(store, user_id, conversation_id, moment) for moment in (3, 8, 1, 9, 4)))
    row = await store.conversations.get(user_id, conversation_id)
    assert row is not None
    assert row.updated_at_ms == 9


async def test_the_list_is_newest_first(store: Store) -> None:
    user_id = new_id()
    oldest, newest, middle = await touched(store, user_id, [1, 3, 2])
    listed = [row.conversation_id for row in await store.conversations.newest(user_id, 10)]
    assert listed == [newest, middle, oldest]


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 8])
async def test_paging_to_the_end_shows_every_conversation_once_also_those_of_one_moment(
    store: Store, limit: int
) -> None:
    user_id = new_id()
    ids = await touched(store, user_id, [1, 2, 2, 2, 2, 3, 3])
    shown: list[ConversationRow] = []
    while page := await store.conversations.newest(
        user_id, limit, (shown[-1].updated_at_ms, shown[-1].conversation_id) if shown else None
    ):
        shown += page
        assert len(page) <= limit
    assert sorted(row.conversation_id for row in shown) == sorted(ids)
    assert [row.updated_at_ms for row in shown] == [3, 3, 2, 2, 2, 2, 1]


async def test_a_conversation_is_always_its_users_own(store: Store) -> None:
    mine, theirs, conversation_id = new_id(), new_id(), new_id()
    await touch(store, mine, conversation_id, 5, title_if_none="Mine")
    assert await store.conversations.get(theirs, conversation_id) is None
    assert await store.conversations.rename(theirs, conversation_id, "Stolen") is None
    assert not await store.conversations.delete(theirs, conversation_id, 9)
    assert await store.conversations.newest(theirs, 10) == []
    row = await store.conversations.get(mine, conversation_id)
    assert row is not None
    assert (row.title, row.deleted) == ("Mine", False)


@pytest.mark.parametrize("title", ["Bäume", "🌳 \x00 👩‍👩‍👧", "", "x" * 1_000_000])
async def test_renaming_changes_the_title_alone_and_for_good(store: Store, title: str) -> None:
    user_id, conversation_id, leaf = new_id(), new_id(), message_id(5)
    await touch(store, user_id, conversation_id, 5, leaf=leaf, title_if_none="Trees")
    renamed = ConversationRow(conversation_id=conversation_id, title=title, updated_at_ms=5, leaf=leaf)
    assert await store.conversations.rename(user_id, conversation_id, title) == renamed
    await touch(store, user_id, conversation_id, 5, leaf=leaf, title_if_none="Trees")
    assert await store.conversations.get(user_id, conversation_id) == renamed


async def test_an_unknown_or_deleted_conversation_cannot_be_renamed(store: Store) -> None:
    user_id, conversation_id = new_id(), new_id()
    assert await store.conversations.rename(user_id, conversation_id, "New") is None
    assert await store.conversations.get(user_id, conversation_id) is None
    await touch(store, user_id, conversation_id, 5)
    await store.conversations.delete(user_id, conversation_id, 9)
    assert await store.conversations.rename(user_id, conversation_id, "New") is None
