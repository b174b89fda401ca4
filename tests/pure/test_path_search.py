"""A cold conversation is read as far as the model's context reaches, and no farther, however long it is."""

import uuid

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consumers.context import build_context, room_for_path
from consumers.path_search import (
    ALL_ROOM,
    FIRST_PAGE,
    LARGEST_PAGE,
    MAX_PAGES,
    MAX_PATH_MESSAGES,
    PathSearch,
    is_enough,
    just_above,
)
from store.rows import MessageRow

TEXTS = st.sampled_from(["", "a few words", "x" * 90, "y" * 600])


def an_id(number: int) -> str:
    """In the order of the numbers."""
    return str(uuid.UUID(int=number << 64))


def chain(texts: list[str]) -> list[MessageRow]:
    """Question, answer, question ... each following the one before."""
    return [
        MessageRow(
            message_id=an_id(number),
            role="assistant" if number % 2 else "user",
            text=text,
            created_at_ms=0,
            parent_id=an_id(number - 1) if number else None,
        )
        for number, text in enumerate(texts)
    ]


def read(messages: list[MessageRow], room_tokens: int, leaf: str | None = None) -> tuple[PathSearch, int]:
    """The search, done, and how many messages it read."""
    search, count = PathSearch(leaf or messages[-1].message_id, room_tokens), 0
    newest_first = sorted(messages, key=lambda row: row.message_id, reverse=True)
    while not search.is_over:
        before = search.before
        page = [row for row in newest_first if row.message_id < before][: search.limit]
        count += len(page)
        search.add(page)
    return search, count


@settings(deadline=None)
@given(texts=st.lists(TEXTS, min_size=1, max_size=190), question=TEXTS, budget=st.integers(210, 3000))
def test_what_is_read_gives_the_same_context_as_the_whole_conversation(
    texts: list[str], question: str, budget: int
) -> None:
    messages = chain(texts)
    search, _ = read(messages, room_for_path(None, question, budget))
    assert (
        build_context(None, search.path, question, budget).messages
        == build_context(None, messages, question, budget).messages
    )


@pytest.mark.parametrize("room_tokens", [0, 100, 900, 3000])
def test_five_thousand_messages_cost_what_fifty_cost_where_the_context_takes_as_much(room_tokens: int) -> None:
    _, of_few = read(chain(["some words of an answer"] * 400), room_tokens)
    _, of_many = read(chain(["some words of an answer"] * 5000), room_tokens)
    assert of_many == of_few <= 350


def test_a_small_context_takes_one_small_page() -> None:
    _, count = read(chain(["some words of an answer"] * 5000), 100)
    assert count == FIRST_PAGE


def test_no_more_is_read_than_can_be_remembered() -> None:
    search, count = read(chain(["word"] * 5000), ALL_ROOM)
    assert MAX_PATH_MESSAGES <= len(search.path) == count <= 350


def test_a_message_far_back_costs_what_the_newest_costs() -> None:
    messages = chain(["word"] * 2400)
    search, count = read(messages, 100, leaf=an_id(100))
    assert search.path[-1].message_id == an_id(100)
    assert count == read(messages, 100)[1]


def test_a_branch_is_followed_past_however_many_pages_of_others() -> None:
    late = MessageRow(message_id=an_id(9999), role="user", text="again", created_at_ms=0, parent_id=an_id(1))
    search, _ = read([*chain(["word"] * 5000), late], 10_000)
    assert [row.message_id for row in search.path] == [an_id(0), an_id(1), an_id(9999)]


def test_a_question_whose_clock_was_behind_its_parents_still_follows_it() -> None:
    behind = MessageRow(message_id=str(uuid.UUID(int=5)), role="user", text="x", created_at_ms=0, parent_id=an_id(2))
    search, _ = read([*chain(["word"] * 4), behind], 10_000)
    assert [row.message_id for row in search.path] == [an_id(0), an_id(1), an_id(2), behind.message_id]


def test_branches_that_jump_far_at_every_step_are_read_in_a_bounded_number_of_pages() -> None:
    messages = chain(["word"] * 5000)
    jumping = [msgspec.structs.replace(row, parent_id=an_id(max(n - 250, 0))) for n, row in enumerate(messages)]
    _, count = read([*messages[:1], *jumping[1:]], ALL_ROOM)
    assert count <= LARGEST_PAGE * MAX_PAGES


def test_a_message_that_is_not_there_costs_one_page() -> None:
    search, count = read(chain(["word"] * 5000), ALL_ROOM, leaf=str(uuid.UUID(int=(7 << 64) + 1)))
    assert (search.path, count) == ([], 8)


def test_nothing_is_above_the_highest_id() -> None:
    highest = str(uuid.UUID(int=2**128 - 1))
    assert just_above(highest) == highest


def test_nothing_is_never_enough() -> None:
    assert not is_enough([], 0)
