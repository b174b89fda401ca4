"""A deleted conversation never comes back (DESIGN 6), on every store."""

import asyncio

import pytest

from schemas.ids import new_id
from tests.contracts.conftest import Store
from tests.contracts.rows import a_message, message_id


class Conversation:
    """A conversation of its own, with one message and a row unless `unknown`."""

    def __init__(self, store: Store) -> None:
        self.store, self.key, self.row = store, (new_id(), new_id()), a_message(1)

    async def written(self, written_at_ms: int = 100) -> "Conversation":
        await self.store.messages.append(*self.key, [self.row], written_at_ms)
        await self.store.conversations.touch(
            *self.key, leaf=self.row.message_id, updated_at_ms=written_at_ms, title_if_none="Trees"
        )
        return self

    async def deleted(self, deleted_at_ms: int = 200, even_if_unknown: bool = False) -> bool:
        return await self.store.conversations.delete(*self.key, deleted_at_ms, even_if_unknown)

    async def is_gone(self) -> bool:
        """Marked as deleted, and nothing of its text left to be seen."""
        row = await self.store.conversations.get(*self.key)
        listed = await self.store.conversations.newest(self.key[0], 10)
        page = await self.store.messages.page(*self.key, None, 10)
        one = await self.store.messages.one(*self.key, self.row.message_id)
        return row is not None and row.deleted and row.title is row.leaf is one is None and not (listed or page)


async def test_a_delete_takes_the_messages_the_title_and_the_place_in_the_list(store: Store) -> None:
    conversation = await Conversation(store).written()
    assert not await conversation.is_gone()
    assert await conversation.deleted()
    assert await conversation.is_gone()


async def test_a_delete_repeated_is_still_a_delete(store: Store) -> None:
    conversation = await Conversation(store).written()
    await conversation.deleted(200)
    assert await conversation.deleted(300)
    assert await conversation.is_gone()


async def test_a_delete_of_an_unknown_conversation_says_so_and_leaves_no_trace(store: Store) -> None:
    conversation = Conversation(store)
    assert not await conversation.deleted()
    assert await store.conversations.get(*conversation.key) is None
    await conversation.written(100)
    assert [row.conversation_id for row in await store.conversations.newest(conversation.key[0], 10)] == [
        conversation.key[1]
    ]


async def test_a_conversation_whose_first_turn_is_still_open_can_be_deleted_beforehand(store: Store) -> None:
    conversation = Conversation(store)
    assert await conversation.deleted(200, even_if_unknown=True)
    await conversation.written(150)
    assert await conversation.is_gone()


@pytest.mark.parametrize("written_at_ms", [100, 199, 200])
async def test_a_repair_of_what_was_written_up_to_the_delete_brings_nothing_back(
    store: Store, written_at_ms: int
) -> None:
    conversation = await Conversation(store).written(100)
    await conversation.deleted(200)
    await conversation.written(written_at_ms)
    assert await conversation.is_gone()


async def test_a_turn_that_ends_after_the_delete_brings_nothing_back(store: Store) -> None:
    conversation = await Conversation(store).written(100)
    await conversation.deleted(200)
    await conversation.written(201)
    assert await conversation.is_gone()


async def test_a_delete_by_a_clock_that_is_behind_is_still_a_delete(store: Store) -> None:
    conversation = await Conversation(store).written(100)
    assert await conversation.deleted(90)
    assert await conversation.is_gone()


async def test_a_delete_amid_writes_leaves_nothing(store: Store) -> None:
    conversation = await Conversation(store).written(100)
    writes = [conversation.written(moment) for moment in range(101, 105)]
    await asyncio.gather(*writes[:2], conversation.deleted(200), *writes[2:])
    assert await conversation.is_gone()


async def test_a_delete_leaves_other_conversations_alone(store: Store) -> None:
    kept, deleted = await Conversation(store).written(), await Conversation(store).written()
    await deleted.deleted()
    assert await store.messages.page(*kept.key, None, 10) == [kept.row]
    assert not await kept.is_gone()


async def test_another_user_goes_on_in_a_conversation_of_the_same_id(store: Store) -> None:
    mine, theirs = Conversation(store), Conversation(store)
    theirs.key = (new_id(), mine.key[1])
    await mine.written()
    await theirs.written()
    await mine.deleted()
    later, leaf = a_message(2), message_id(3)
    await store.messages.append(*theirs.key, [later], 300)
    assert await store.messages.page(*theirs.key, None, 10) == [later, theirs.row]
    await store.conversations.touch(*theirs.key, leaf=leaf, updated_at_ms=300, title_if_none=None)
    row = await store.conversations.get(*theirs.key)
    assert row is not None
    assert (row.leaf, row.deleted) == (leaf, False)
