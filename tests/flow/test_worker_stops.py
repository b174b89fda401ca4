"""Stopping a turn: while it streams, before it starts, by the next question, by a deletion of its conversation (G8)."""

from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
import pytest_asyncio

from consumers.settings import WorkerSettings
from schemas import codec
from schemas.control import ConversationDropped, ConversationLeaving, StopAsked
from schemas.errors import ErrorCode
from schemas.frames import Failed, Stopped
from schemas.ids import new_id, seq_of
from schemas.parts import Usage
from schemas.requests import Ask
from schemas.statuses import TurnStatus
from schemas.topics import CONTROL
from store.rows import Checkpoint
from tests.flow.practice_client import until
from tests.flow.scripted_door import Gate, ScriptedDoor
from tests.flow.topic_readers import answer_in
from tests.flow.worker_stage import Stage, a_request, running_stage, unclaimed

LONG_MERGES = WorkerSettings(drain_seconds=2, merge_ms=500)

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture(scope="module")
def door() -> ScriptedDoor:
    return ScriptedDoor({"fast": ["Hello", " you", "."]})


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory, door: ScriptedDoor) -> AsyncIterator[Stage]:
    async with running_stage(tmp_path_factory.mktemp("stops"), door, LONG_MERGES, partitions=1) as running:
        yield running


@pytest.fixture
def gate(door: ScriptedDoor) -> Gate:
    """`slow` says one word and waits for this gate."""
    gate = Gate()
    door.scripts["slow"] = ["Shown", gate, " never shown"]
    return gate


async def test_a_stop_while_streaming_keeps_exactly_what_was_shown(
    stage: Stage, door: ScriptedDoor, gate: Gate
) -> None:
    request = await stage.ask(model="slow")
    await gate.wait_for_model()
    closed = door.closed
    await stage.ask_to_stop(request)
    frames = await stage.replies.end_of(request.turn_id)
    stopped = frames[-1]
    assert isinstance(stopped, Stopped)
    assert door.closed == closed + 1, "the provider was left"
    answer = (await stage.messages(request))[1]
    assert (answer.text, answer.status) == ("Shown", TurnStatus.STOPPED)
    assert answer_in(frames) == "Shown"
    assert stopped.usage.estimated
    assert stopped.usage.output_tokens > 0


async def test_what_was_not_published_yet_is_not_kept(stage: Stage, door: ScriptedDoor) -> None:
    gate = Gate()
    # The second piece waits for its merge window when the stop comes.
    door.scripts["merging"] = ["Shown", " pending", gate]
    request = await stage.ask(model="merging")
    await gate.wait_for_model()
    await stage.ask_to_stop(request)
    frames = await stage.replies.end_of(request.turn_id)
    assert (await stage.messages(request))[1].text == answer_in(frames) == "Shown"


async def test_a_stop_notice_that_is_lost_is_found_in_the_row_at_the_next_claim(stage: Stage) -> None:
    request = a_request()
    await stage.ask_to_stop(request, notify=False)
    await stage.ask_again(request)
    frames = await stage.replies.end_of(request.turn_id)
    assert [codec.kind_of(frame) for frame in frames] == ["started", "stopped"]
    assert [frame.seq for frame in frames] == [seq_of(1, 0), seq_of(1, 1)]


async def test_a_turn_that_was_stopped_before_it_started_costs_nothing(stage: Stage, door: ScriptedDoor) -> None:
    asked = len(door.asked)
    request = a_request("A question of some length that would cost tokens")
    await stage.ask_to_stop(request)
    await stage.ask_again(request)
    frames = await stage.replies.end_of(request.turn_id)
    assert isinstance(frames[-1], Stopped)
    assert len(door.asked) == asked
    assert frames[-1].usage == Usage(0, 0, estimated=False)
    bills = await stage.bills(request)
    assert [(bill.input_tokens, bill.output_tokens) for bill in bills] == [(0, 0)]


async def test_a_stop_keeps_the_text_that_a_released_attempt_left_behind(stage: Stage) -> None:
    request = a_request()
    released = msgspec.structs.replace(unclaimed(request), version=1, attempt=1, releases=1, stop=True)
    await stage.store.turns.compare_and_set(released, None)
    await stage.store.checkpoints.save(request.turn_id, Checkpoint(1, seq_of(1, 3), "Half an answer", "fast"))
    await stage.ask_again(request)
    frames = await stage.replies.end_of(request.turn_id)
    assert answer_in(frames) == "Half an answer"
    assert frames[0].seq == seq_of(2, 0)
    assert (await stage.messages(request))[1].text == "Half an answer"
    bills = await stage.bills(request, at_least=2)
    assert [(bill.attempt, bill.output_tokens > 0) for bill in bills] == [(1, True), (2, False)]


async def test_a_question_that_interrupts_stops_the_running_turn(stage: Stage, gate: Gate) -> None:
    first = await stage.ask("one", model="slow")
    await gate.wait_for_model()
    second = await stage.ask("two", conversation_id=first.conversation_id, on_busy="interrupt")
    assert isinstance((await stage.replies.end_of(first.turn_id))[-1], Stopped)
    assert answer_in(await stage.replies.end_of(second.turn_id)) == "Hello you."


async def test_a_question_that_interrupts_stops_all_earlier_ones_whether_running_or_waiting(
    stage: Stage, gate: Gate
) -> None:
    requests = await ask_at_once(stage, "slow", "slow", "fast")
    kinds = [codec.kind_of((await stage.replies.end_of(request.turn_id))[-1]) for request in requests]
    assert kinds == ["stopped", "stopped", "completed"]


async def test_a_question_that_would_have_been_rejected_queues_once_it_is_accepted(stage: Stage, gate: Gate) -> None:
    first = await stage.ask("one", model="slow")
    await gate.wait_for_model()
    second = await stage.ask("two", conversation_id=first.conversation_id, on_busy="reject")
    gate.open()
    assert answer_in(await stage.replies.end_of(first.turn_id)) == "Shown never shown"
    assert answer_in(await stage.replies.end_of(second.turn_id)) == "Hello you."


async def test_a_question_that_interrupted_and_comes_again_leaves_what_came_after_it(stage: Stage, gate: Gate) -> None:
    interrupting = await stage.ask("one", on_busy="interrupt")
    await stage.replies.end_of(interrupting.turn_id)
    later = await stage.ask("two", conversation_id=interrupting.conversation_id, model="slow")
    await gate.wait_for_model()
    await stage.ask_again(interrupting)
    other = await stage.ask()
    await stage.replies.end_of(other.turn_id)
    gate.open()
    assert answer_in(await stage.replies.end_of(later.turn_id)) == "Shown never shown"


async def test_an_interruption_leaves_other_conversations_alone(stage: Stage, gate: Gate) -> None:
    other = await stage.ask(model="slow")
    await gate.wait_for_model()
    interrupting = await stage.ask(on_busy="interrupt")
    await stage.replies.end_of(interrupting.turn_id)
    gate.open()
    assert answer_in(await stage.replies.end_of(other.turn_id)) == "Shown never shown"


async def test_the_question_after_a_stop_sees_the_kept_text(stage: Stage, door: ScriptedDoor, gate: Gate) -> None:
    first = await stage.ask("one", model="slow")
    await gate.wait_for_model()
    await stage.ask_to_stop(first)
    second = await stage.ask("two", conversation_id=first.conversation_id)
    await stage.replies.end_of(second.turn_id)
    assert [message["content"] for message in door.asked[-1].messages] == ["one", "Shown", "two"]


async def test_a_stop_of_an_unknown_turn_and_garbage_on_the_topic_change_nothing(stage: Stage) -> None:
    await stage.control.notify(StopAsked(turn_id=new_id()))
    await stage.write_raw(CONTROL.name, b"garbage")
    request = await stage.ask()
    assert answer_in(await stage.replies.end_of(request.turn_id)) == "Hello you."
    assert stage.worker.is_ready


async def test_deleting_a_conversation_stops_its_turn_and_it_stays_gone(stage: Stage, gate: Gate) -> None:
    request = await stage.ask(model="slow")
    await gate.wait_for_model()
    await delete(stage, request)
    assert isinstance((await stage.replies.end_of(request.turn_id))[-1], Stopped)
    await stage.bills(request)
    assert await stage.messages(request) == []
    await a_whole_turn(stage)
    assert [told.updated_at for told in stage.replies.changes(request.conversation_id)] == [request.accepted_at]


async def test_a_question_to_a_deleted_conversation_fails_and_brings_nothing_back(stage: Stage) -> None:
    first = await stage.ask()
    await stage.replies.end_of(first.turn_id)
    await stage.replies.until(lambda: len(stage.replies.changes(first.conversation_id)) == 2)
    await delete(stage, first)
    second = await stage.ask(conversation_id=first.conversation_id)
    failed = (await stage.replies.end_of(second.turn_id))[-1]
    assert isinstance(failed, Failed)
    assert (failed.code, failed.temporary) == (ErrorCode.CONVERSATION_DELETED, False)
    await a_whole_turn(stage)
    assert await stage.messages(first) == []
    assert len(stage.replies.changes(first.conversation_id)) == 2
    row = await stage.store.conversations.get(first.user_id, first.conversation_id)
    assert row is not None
    assert row.deleted


async def test_an_edge_that_dies_right_after_a_deletion_leaves_no_worker_that_answers_in_it_again(
    tmp_path: Path,
) -> None:
    gate = Gate()
    door = ScriptedDoor({"fast": ["Hello"], "slow": ["Hello", gate, " you."]})
    async with running_stage(tmp_path, door, partitions=1) as stage:
        warm = await stage.ask()
        await stage.replies.end_of(warm.turn_id)
        running = await stage.ask(model="slow", conversation_id=warm.conversation_id)
        await gate.wait_for_model()
        where = (warm.user_id, warm.conversation_id)
        await stage.control.notify(ConversationLeaving(user_id=where[0], conversation_id=where[1]))
        await until(lambda: stage.worker._history.known_title(*where) is None)
        await stage.store.conversations.delete(*where, deleted_at_ms=2**42)
        gate.open()
        await stage.replies.end_of(running.turn_id)
        later = await stage.ask(conversation_id=warm.conversation_id)
        end = (await stage.replies.end_of(later.turn_id))[-1]
        assert isinstance(end, Failed)
        assert end.code is ErrorCode.CONVERSATION_DELETED
        assert await stage.messages(warm) == []


async def ask_at_once(stage: Stage, *models: str) -> list[Ask]:
    """Questions of one conversation that reach the worker in one batch; the last one interrupts."""
    conversation_id = new_id()
    requests = [a_request(conversation_id=conversation_id, model=model) for model in models[:-1]]
    requests.append(a_request(conversation_id=conversation_id, model=models[-1], on_busy="interrupt"))
    await stage.write_at_once(requests)
    return requests


async def delete(stage: Stage, request: Ask) -> None:
    """As the edge does: the tombstone first, then the notice."""
    where = (request.user_id, request.conversation_id)
    await stage.store.conversations.delete(*where, deleted_at_ms=2**42, even_if_unknown=True)
    await stage.control.notify(ConversationDropped(user_id=where[0], conversation_id=where[1]))
    await until(lambda: stage.worker._history.known_title(*where) is None)


async def a_whole_turn(stage: Stage) -> None:
    """After it, whatever an earlier turn of this partition was going to publish has been read."""
    request = await stage.ask()
    await stage.replies.end_of(request.turn_id)
