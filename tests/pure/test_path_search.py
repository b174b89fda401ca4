"""A cold conversation is read as far as the model's context reaches, and no farther, however long it is."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consumers.context import build_context, room_for_path
from consumers.path_search import ALL_ROOM, FIRST_PAGE, MAX_PAGES, MAX_PATH_MESSAGES, PathSearch, is_enough
from store.rows import MessageRow

TEXTS = st.sampled_from(["", "a few words", "x" * 90, "y" * 600])


def chain(texts: list[str]) -> list[MessageRow]:
    """Question, answer, question ... each following the one before."""
    return [
        MessageRow(
            message_id=f"{number:06}",
            role="assistant" if number % 2 else "user",
            text=text,
            created_at_ms=0,
            parent_id=f"{number - 1:06}" if number else None,
        )
        for number, text in enumerate(texts)
    ]


def read(messages: list[MessageRow], room_tokens: int, leaf: str | None = None) -> tuple[PathSearch, int]:
    """The search, done, and how many messages it read."""
    search, newest_first, count = PathSearch(leaf or messages[-1].message_id, room_tokens), messages[::-1], 0
    while not search.is_over:
        before = search.before
        page = [row for row in newest_first if before is None or row.message_id < before][: search.limit]
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


def test_a_message_far_back_is_looked_for_in_a_bounded_number_of_pages() -> None:
    search, count = read(chain(["word"] * 5000), 100, leaf="000003")
    assert search.path == []
    assert count <= 200 * MAX_PAGES


def test_a_branch_is_followed_over_the_pages_of_others() -> None:
    messages = chain(["word"] * 300)
    late = MessageRow(message_id="999999", role="user", text="again", created_at_ms=0, parent_id="000001")
    search, _ = read([*messages, late], 10_000)
    assert [row.message_id for row in search.path] == ["000000", "000001", "999999"]


def test_nothing_is_never_enough() -> None:
    assert not is_enough([], 0)
