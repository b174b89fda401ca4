"""A conversation's path: from memory when warm, from the store when cold, and who may be asked (DESIGN 6.4)."""

import uuid

import msgspec
import pytest

from consumers.history import ConversationGone, History, Path, UnknownParent
from consumers.tails import Tails
from store.rows import ConversationRow, MessageRow

WHERE = ("u", "c")


def an_id(number: int) -> str:
    """In the order of the numbers."""
    return str(uuid.UUID(int=number << 64))


def said(number: int, parent: int | None = None) -> MessageRow:
    role = "user" if number % 2 else "assistant"
    parent_id = None if parent is None else an_id(parent)
    return MessageRow(message_id=an_id(number), role=role, text=str(number), created_at_ms=0, parent_id=parent_id)


class Store:
    """Messages newest first, as the store pages them, and the conversation's row. It counts its reads."""

    def __init__(self, messages: list[MessageRow], row: ConversationRow | None = None) -> None:
        self.messages, self.row, self.reads = messages, row, 0

    async def page(self, user_id: str, conversation_id: str, before: str | None, limit: int) -> list[MessageRow]:
        self.reads += 1
        newest_first = sorted(self.messages, key=lambda m: m.message_id, reverse=True)
        return [m for m in newest_first if before is None or m.message_id < before][:limit]

    async def get(self, user_id: str, conversation_id: str) -> ConversationRow | None:
        self.reads += 1
        return self.row


def a_row(leaf: str | None, deleted: bool = False) -> ConversationRow:
    return ConversationRow(conversation_id="c", title="Title", updated_at_ms=0, leaf=leaf, deleted=deleted)


def a_chain(count: int) -> list[MessageRow]:
    return [said(number, number - 1 if number > 1 else None) for number in range(1, count + 1)]


def new_history(store: Store) -> History:
    return History(store, store, Tails())


async def test_a_conversation_that_never_began_has_an_empty_path() -> None:
    path = await new_history(Store([])).path(*WHERE, None)
    assert (path.messages, path.parent_id, path.title, path.is_warm) == ((), None, None, False)


async def test_a_cold_conversation_is_read_to_its_leaf() -> None:
    path = await new_history(Store(a_chain(4), a_row(an_id(4)))).path(*WHERE, None)
    assert [m.message_id for m in path.messages] == [an_id(1), an_id(2), an_id(3), an_id(4)]
    assert (path.parent_id, path.title, path.is_warm) == (an_id(4), "Title", False)


async def test_a_path_may_end_at_an_earlier_message() -> None:
    path = await new_history(Store(a_chain(6), a_row(an_id(6)))).path(*WHERE, an_id(2))
    assert [m.message_id for m in path.messages] == [an_id(1), an_id(2)]


async def test_a_warm_conversation_is_not_read() -> None:
    store = Store([], None)
    history = new_history(store)
    history.remember(*WHERE, Path((), "Title", is_warm=True), a_chain(2))
    for parent_id in (None, an_id(2)):
        path = await history.path(*WHERE, parent_id)
        assert ([m.message_id for m in path.messages], path.is_warm) == ([an_id(1), an_id(2)], True)
    assert store.reads == 0


async def test_a_warm_conversation_is_read_for_another_branch_but_not_for_an_earlier_message_of_its_own() -> None:
    store = Store([*a_chain(4), said(6, 1)], a_row(an_id(4)))
    history = new_history(store)
    history.remember(*WHERE, Path((), "Title", is_warm=True), a_chain(4))
    earlier = await history.path(*WHERE, an_id(2))
    assert ([m.message_id for m in earlier.messages], store.reads) == ([an_id(1), an_id(2)], 0)
    assert (await history.path(*WHERE, an_id(6))).parent_id == an_id(6)
    assert store.reads > 0


@pytest.mark.parametrize("is_warm", [True, False])
async def test_before_the_first_message_there_is_none_and_the_newest_moment_is_known(is_warm: bool) -> None:
    newest = msgspec.structs.replace(said(2, 1), created_at_ms=7)
    history = new_history(Store([said(1), newest], msgspec.structs.replace(a_row(an_id(2)), updated_at_ms=7)))
    if is_warm:
        history.remember(*WHERE, Path((), "Title", is_warm=True), [said(1), newest])
    path = await history.path_to_the_first(*WHERE)
    assert path == Path((), "Title", is_warm, newest_at_ms=7)
    assert (await history.path(*WHERE, an_id(1))).newest_at_ms == 7


async def test_a_deleted_conversation_has_no_first_message_either() -> None:
    with pytest.raises(ConversationGone):
        await new_history(Store([], a_row(None, deleted=True))).path_to_the_first(*WHERE)


async def test_a_parent_far_back_is_found_with_one_page() -> None:
    store = Store(a_chain(2400), a_row(an_id(2400)))
    path = await new_history(store).path(*WHERE, an_id(100), room_tokens=20)
    assert path.parent_id == an_id(100)
    assert store.reads == 2  # the conversation's row, and one page


@pytest.mark.parametrize("count", [0, 4, 200])
async def test_a_parent_that_is_not_there_is_unknown(count: int) -> None:
    with pytest.raises(UnknownParent):
        await new_history(Store(a_chain(count), a_row(an_id(4)))).path(*WHERE, an_id(9999))


async def test_what_is_no_id_is_no_parent() -> None:
    with pytest.raises(UnknownParent):
        await new_history(Store(a_chain(4), a_row(an_id(4)))).path(*WHERE, "not an id")


async def test_a_deleted_conversation_is_gone() -> None:
    with pytest.raises(ConversationGone):
        await new_history(Store([], a_row(None, deleted=True))).path(*WHERE, None)


async def test_a_new_name_reaches_a_warm_conversation_and_only_that() -> None:
    history = new_history(Store([]))
    history.rename(*WHERE, "Nobody knows it")
    assert history.known_title(*WHERE) is None
    history.remember(*WHERE, Path((), "Old", is_warm=True), a_chain(2))
    history.rename(*WHERE, "New")
    assert history.known_title(*WHERE) == "New"
    assert (await history.path(*WHERE, None)).messages == tuple(a_chain(2))


async def test_what_is_forgotten_is_read_again() -> None:
    store = Store(a_chain(2), a_row(an_id(2)))
    history = new_history(store)
    for forget in (lambda: history.forget(*WHERE), history.forget_all):
        history.remember(*WHERE, Path((), "Old", is_warm=True), a_chain(2))
        forget()
        assert not (await history.path(*WHERE, None)).is_warm


async def test_a_warm_conversation_is_read_again_for_a_model_that_takes_more_of_it() -> None:
    store = Store(a_chain(150), a_row(an_id(150)))
    history = new_history(store)
    short = await history.path(*WHERE, None, room_tokens=20)
    assert len(short.messages) < 150
    history.remember(*WHERE, short, [])
    assert (await history.path(*WHERE, None, room_tokens=20)).is_warm
    assert len((await history.path(*WHERE, None, room_tokens=10_000)).messages) == 150
