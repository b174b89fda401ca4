"""A stored question answered again: a sibling of the answers it has, and the end of the conversation from then on."""

import time
from collections.abc import AsyncIterator, Sequence

import msgspec
import pytest
import pytest_asyncio

from schemas.frames import Completed, Failed, Started
from schemas.ids import attempt_of, new_id, turn_id_of
from schemas.requests import Ask, AskAgain
from store.rows import MessageRow
from tests.flow.dying_workers import QUICK_DEATH, held_by, hurry
from tests.flow.scripted_door import ScriptedDoor
from tests.flow.topic_readers import answer_in
from tests.flow.worker_stage import Stage, running_stage

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture(scope="module")
def door() -> ScriptedDoor:
    return ScriptedDoor({"fast": ["Hello", " you."], "smart": ["Good day", " to you."]})


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory, door: ScriptedDoor) -> AsyncIterator[Stage]:
    async with running_stage(tmp_path_factory.mktemp("again"), door, QUICK_DEATH, partitions=1) as running:
        yield running


def again(question: MessageRow, of: Ask, model: str = "smart") -> AskAgain:
    """As the edge asks for another answer to a stored question."""
    ids = {"user_id": of.user_id, "conversation_id": of.conversation_id, "request_id": new_id()}
    return AskAgain(
        **ids,
        turn_id=turn_id_of(*ids.values()),
        text=question.text,
        model=model,
        parent_id=question.parent_id,
        accepted_at="2026-01-01T00:00:00Z",
        question_id=question.message_id,
    )


async def answered(stage: Stage, *texts: str) -> Ask:
    """A conversation with these questions answered; its last request."""
    conversation_id = new_id()
    for text in texts:
        request = await stage.ask(text, conversation_id=conversation_id)
        await stage.replies.end_of(request.turn_id)
    return request


async def leaf_of(stage: Stage, request: Ask) -> str | None:
    row = await stage.store.conversations.get(request.user_id, request.conversation_id)
    return None if row is None else row.leaf


def asked_of_model(door: ScriptedDoor) -> list[str]:
    return [message["content"] for message in door.asked[-1].messages]


@pytest.mark.parametrize("is_warm", [True, False])
@pytest.mark.parametrize("which", [0, 1])
async def test_the_new_answer_is_a_sibling_made_from_what_came_before_the_question(
    stage: Stage, door: ScriptedDoor, which: int, is_warm: bool
) -> None:
    first = await answered(stage, "One?", "Two?")
    before = await stage.messages(first)
    question = [row for row in before if row.role == "user"][which]
    if not is_warm:
        stage.worker._history.forget_all()
    request = again(question, first)
    await stage.ask_again(request)
    frames = await stage.replies.end_of(request.turn_id)
    assert answer_in(frames) == "Good day to you."
    assert asked_of_model(door) == ["One?", "Hello you.", "Two?"][: 1 + 2 * which]
    started = frames[0]
    assert isinstance(started, Started)
    assert started.user_message == msgspec.structs.replace(
        started.user_message, text=question.text, id=question.message_id, parent_id=question.parent_id
    )
    *as_before, answer = await stage.messages(first)
    assert as_before == before
    assert (answer.role, answer.parent_id, answer.turn_id) == ("assistant", question.message_id, request.turn_id)
    assert (answer.message_id, answer.text) == (started.answer_id, "Good day to you.")
    assert await leaf_of(stage, first) == answer.message_id


async def test_the_question_is_not_written_a_second_time(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    first = await answered(stage, "One?")
    written: list[str] = []
    append = stage.store.messages.append

    async def note(user_id: str, conversation_id: str, rows: Sequence[MessageRow], written_at_ms: int) -> None:
        written.extend(row.role for row in rows)
        await append(user_id, conversation_id, rows, written_at_ms)

    monkeypatch.setattr(stage.store.messages, "append", note)
    request = again((await stage.messages(first))[0], first)
    await stage.ask_again(request)
    await stage.replies.end_of(request.turn_id)
    assert written == ["assistant"]


async def test_the_next_question_goes_on_from_the_new_answer(stage: Stage, door: ScriptedDoor) -> None:
    first = await answered(stage, "One?")
    request = again((await stage.messages(first))[0], first)
    await stage.ask_again(request)
    await stage.replies.end_of(request.turn_id)
    follower = await stage.ask("And now?", conversation_id=first.conversation_id)
    await stage.replies.end_of(follower.turn_id)
    assert asked_of_model(door) == ["One?", "Good day to you.", "And now?"]


async def test_the_same_request_once_more_has_one_effect(stage: Stage) -> None:
    first = await answered(stage, "One?")
    request = again((await stage.messages(first))[0], first)
    await stage.ask_again(request)
    [end] = (await stage.replies.end_of(request.turn_id))[-1:]
    stored = await stage.messages(first)
    await stage.ask_again(request)
    assert (await stage.replies.end_of(request.turn_id, count=2))[-1] == end
    assert await stage.messages(first) == stored
    assert len(stored) == 3


async def test_after_a_workers_death_another_one_answers_again_under_the_same_ids(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    hurry(monkeypatch)
    first = await answered(stage, "One?")
    question = (await stage.messages(first))[0]
    request = again(question, first)
    # An edge of before writes the row without what it does not know of, when it notes a stop.
    row = held_by(new_id(), request, first_claimed_at_ms=int(time.time() * 1000))
    assert row.question is not None
    row = msgspec.structs.replace(row, question=msgspec.structs.replace(row.question, id=question.message_id))
    await stage.store.turns.compare_and_set(row, None)
    await stage.ask_again(request)
    end = (await stage.replies.end_of(request.turn_id))[-1]
    assert isinstance(end, Completed)
    assert (attempt_of(end.seq), end.answer_id) == (2, row.answer_id)
    stored_question, _, answer = await stage.messages(first)
    assert (stored_question, answer.message_id) == (question, row.answer_id)


async def test_a_clock_behind_the_one_before_it_does_not_hide_the_new_answer(stage: Stage) -> None:
    first = await answered(stage, "One?")
    question, answer = await stage.messages(first)
    ahead_ms = answer.created_at_ms + 60_000
    where = (first.user_id, first.conversation_id)
    await stage.store.conversations.touch(*where, leaf=answer.message_id, updated_at_ms=ahead_ms, title_if_none=None)
    stage.worker._history.forget_all()
    request = again(question, first)
    await stage.ask_again(request)
    await stage.replies.end_of(request.turn_id)
    newest = (await stage.messages(first))[-1]
    assert (await leaf_of(stage, first), newest.turn_id) == (newest.message_id, request.turn_id)
    assert newest.created_at_ms == ahead_ms + 1


async def test_in_a_deleted_conversation_nothing_is_answered_again(stage: Stage) -> None:
    first = await answered(stage, "One?")
    question = (await stage.messages(first))[0]
    await stage.store.conversations.delete(first.user_id, first.conversation_id, int(time.time() * 1000))
    stage.worker._history.forget_all()
    request = again(question, first)
    await stage.ask_again(request)
    end = (await stage.replies.end_of(request.turn_id))[-1]
    assert isinstance(end, Failed)
    assert (end.code, await stage.messages(first)) == ("conversation_deleted", [])
