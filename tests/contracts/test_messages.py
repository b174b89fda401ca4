"""The messages of conversations, on every store."""

import asyncio

import pytest

from schemas.ids import new_id
from store.rows import MessageRow
from tests.contracts.conftest import Store
from tests.contracts.rows import a_full_message, a_message, message_id


async def all_pages(store: Store, user_id: str, conversation_id: str, limit: int) -> list[list[MessageRow]]:
    pages: list[list[MessageRow]] = []
    before = None
    while page := await store.messages.page(user_id, conversation_id, before, limit):
        pages.append(page)
        before = page[-1].message_id
    return pages


async def test_an_unknown_conversation_is_an_empty_page(store: Store) -> None:
    assert await store.messages.page(new_id(), new_id(), None, 10) == []


async def test_messages_come_back_with_every_field_as_they_were_written(store: Store) -> None:
    user_id, conversation_id, rows = new_id(), new_id(), [a_message(4), a_full_message()]
    await store.messages.append(user_id, conversation_id, rows, 100)
    assert await store.messages.page(user_id, conversation_id, None, 10) == rows[::-1]
    assert await store.messages.one(user_id, conversation_id, rows[1].message_id) == rows[1]


async def test_answers_to_one_question_are_siblings_in_the_order_of_their_ids(store: Store) -> None:
    user_id, conversation_id, question = new_id(), new_id(), a_message(1)
    siblings = [a_message(moment, role="assistant", parent_id=question.message_id) for moment in (2, 5, 4)]
    await store.messages.append(user_id, conversation_id, [question, siblings[0]], 100)
    for number, sibling in enumerate(siblings[1:], start=101):
        await store.messages.append(user_id, conversation_id, [sibling], number)
    page = await store.messages.page(user_id, conversation_id, None, 10)
    assert page == [siblings[1], siblings[2], siblings[0], question]


async def test_a_page_is_newest_first_whatever_the_order_of_writing(store: Store) -> None:
    user_id, conversation_id = new_id(), new_id()
    rows = [a_message(moment, text=str(moment)) for moment in (3, 1, 2)]
    for row in rows:
        await store.messages.append(user_id, conversation_id, [row], 100)
    page = await store.messages.page(user_id, conversation_id, None, 10)
    assert [row.text for row in page] == ["3", "2", "1"]


@pytest.mark.parametrize("limit", [1, 3, 10, 11])
async def test_paging_to_the_end_shows_every_message_once(store: Store, limit: int) -> None:
    user_id, conversation_id = new_id(), new_id()
    rows = [a_message(moment // 2) for moment in range(10)]
    await store.messages.append(user_id, conversation_id, rows, 100)
    pages = await all_pages(store, user_id, conversation_id, limit)
    ids = [row.message_id for page in pages for row in page]
    assert ids == sorted((row.message_id for row in rows), reverse=True)
    assert all(len(page) == limit for page in pages[:-1])


async def test_messages_written_between_two_pages_neither_shift_nor_repeat_any(store: Store) -> None:
    user_id, conversation_id = new_id(), new_id()
    old = [a_message(moment) for moment in range(4)]
    await store.messages.append(user_id, conversation_id, old, 100)
    first = await store.messages.page(user_id, conversation_id, None, 2)
    await store.messages.append(user_id, conversation_id, [a_message(9)], 101)
    second = await store.messages.page(user_id, conversation_id, first[-1].message_id, 2)
    assert first + second == old[::-1]


async def test_a_page_before_an_id_that_is_not_stored_begins_with_the_next_older_one(store: Store) -> None:
    user_id, conversation_id, rows = new_id(), new_id(), [a_message(1), a_message(3)]
    await store.messages.append(user_id, conversation_id, rows, 100)
    assert await store.messages.page(user_id, conversation_id, message_id(2), 10) == rows[:1]


async def test_the_same_messages_again_change_nothing(store: Store) -> None:
    user_id, conversation_id, row = new_id(), new_id(), a_full_message()
    for written_at_ms in (100, 100, 300):
        await store.messages.append(user_id, conversation_id, [row], written_at_ms)
    assert await store.messages.page(user_id, conversation_id, None, 10) == [row]


async def test_a_repair_adds_what_is_missing_and_repeats_nothing(store: Store) -> None:
    user_id, conversation_id, question, answer = new_id(), new_id(), a_message(1), a_message(2)
    await store.messages.append(user_id, conversation_id, [question], 100)
    await asyncio.gather(*(store.messages.append(user_id, conversation_id, [question, answer], 100) for _ in range(5)))
    assert await store.messages.page(user_id, conversation_id, None, 10) == [answer, question]


async def test_a_conversation_is_always_its_users_own(store: Store) -> None:
    mine, theirs, conversation_id = new_id(), new_id(), new_id()
    my_row, their_row = a_message(1, text="mine"), a_message(2, text="theirs")
    await store.messages.append(mine, conversation_id, [my_row], 100)
    await store.messages.append(theirs, conversation_id, [their_row], 100)
    assert await store.messages.page(mine, conversation_id, None, 10) == [my_row]
    assert await store.messages.one(mine, conversation_id, their_row.message_id) is None


async def test_a_message_of_another_conversation_is_not_found(store: Store) -> None:
    user_id, conversation_id, row = new_id(), new_id(), a_message()
    await store.messages.append(user_id, conversation_id, [row], 100)
    assert await store.messages.one(user_id, new_id(), row.message_id) is None
    assert await store.messages.one(user_id, conversation_id, message_id(0)) is None


@pytest.mark.parametrize("text", ["", "नमस्ते 👩‍👩‍👧 \U0001f600", "a NUL: \x00 stays", "x" * 1_000_000])
async def test_any_unicode_text_is_kept_to_the_letter(store: Store, text: str) -> None:
    user_id, conversation_id, row = new_id(), new_id(), a_message(text=text)
    await store.messages.append(user_id, conversation_id, [row], 100)
    assert await store.messages.page(user_id, conversation_id, None, 1) == [row]


async def test_text_that_is_not_unicode_is_refused_and_leaves_nothing(store: Store) -> None:
    user_id, conversation_id = new_id(), new_id()
    with pytest.raises(ValueError, match="surrogates"):
        await store.messages.append(user_id, conversation_id, [a_message(1), a_message(2, text="\ud800")], 100)
    assert await store.messages.page(user_id, conversation_id, None, 10) == []
