"""Turns through a running worker: what is published, what is stored, what is billed, what is committed.

One worker serves the whole file; its models are scripted, so nothing here waits for a provider.
"""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from aiokafka.structs import ConsumerRecord

from consumers.attempt_frames import MAX_DELTA_CHARACTERS
from consumers.llm.pieces import Piece, ProviderFault
from schemas import codec
from schemas.clock import rfc3339
from schemas.control import ConversationRenamed
from schemas.errors import ErrorCode
from schemas.frames import AnyServerFrame, Completed, Delta, Failed, Started
from schemas.ids import n_of, new_id, new_message_id, seq_of, user_id_of
from schemas.statuses import TurnStatus
from store.rows import MessageRow
from tests.flow.practice_client import until
from tests.flow.scripted_door import USAGE as SAID_USAGE
from tests.flow.scripted_door import Gate, ScriptedDoor
from tests.flow.topic_readers import answer_in
from tests.flow.worker_stage import Stage, running_stage

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture(scope="module")
def door() -> ScriptedDoor:
    return ScriptedDoor(
        {
            "fast": ["Hello", " you", "."],
            "thinking": [Piece("Let me see", is_reasoning=True), Piece(" ...", is_reasoning=True), "42", "!"],
            "long": ["Ab\U0001f600\n" * 250] * 100,
            "empty": [],
            "broken": ["Half", ProviderFault(ErrorCode.PROVIDER_FAILED, "APIConnectionError")],
        }
    )


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory, door: ScriptedDoor) -> AsyncIterator[Stage]:
    async with running_stage(tmp_path_factory.mktemp("turns"), door, partitions=1) as running:
        yield running


async def test_a_turn_is_started_streamed_and_completed_in_dense_frames(stage: Stage) -> None:
    request = await stage.ask("Who are you?")
    frames = await stage.replies.end_of(request.turn_id)
    started, *deltas, completed = frames
    assert isinstance(started, Started)
    assert isinstance(completed, Completed)
    assert all(isinstance(delta, Delta) for delta in deltas)
    assert [frame.seq for frame in frames] == [seq_of(1, n) for n in range(len(frames))]
    assert (started.request_id, started.attempt, started.model) == (request.request_id, 1, "fast")
    assert (started.user_message.text, started.user_message.parent_id) == ("Who are you?", None)
    assert answer_in(frames) == "Hello you."
    assert (completed.usage, completed.finish_reason, completed.model) == (SAID_USAGE, "stop", "fast")
    assert completed.answer_id == started.answer_id


async def test_what_was_shown_is_what_is_stored_with_parent_links(stage: Stage) -> None:
    request = await stage.ask("Who are you?")
    frames = await stage.replies.end_of(request.turn_id)
    question, answer = await stage.messages(request)
    started = frames[0]
    assert isinstance(started, Started)
    assert (question.message_id, answer.message_id) == (started.user_message.id, started.answer_id)
    assert (question.role, question.text, question.parent_id) == ("user", "Who are you?", None)
    assert (answer.role, answer.text, answer.parent_id) == ("assistant", answer_in(frames), question.message_id)
    assert (answer.status, answer.model, answer.usage) == (TurnStatus.COMPLETED, "fast", SAID_USAGE)
    assert {question.turn_id, answer.turn_id} == {request.turn_id}


async def test_the_conversation_enters_the_list_with_a_title_before_the_end_is_told(stage: Stage) -> None:
    request = await stage.ask("Who are you?\nReally?")
    await stage.replies.end_of(request.turn_id)
    row = await stage.store.conversations.get(request.user_id, request.conversation_id)
    messages = await stage.messages(request)
    assert row is not None
    assert (row.title, row.leaf, row.deleted) == ("Who are you?", messages[-1].message_id, False)
    changed = await stage.replies.until(
        lambda: len(found := stage.replies.changes(request.conversation_id)) == 2 and found
    )
    assert [frame.title for frame in changed] == ["Who are you?"] * 2
    assert [frame.updated_at for frame in changed] == [request.accepted_at, rfc3339(row.updated_at_ms)]


async def test_a_new_conversation_is_told_to_all_devices_when_its_first_question_is_taken(
    stage: Stage, door: ScriptedDoor
) -> None:
    gate = Gate()
    door.scripts["new"] = ["Wait", gate, "!"]
    request = await stage.ask("Who are you?\nReally?", model="new")
    await gate.wait_for_model()
    (told,) = await stage.replies.until(lambda: stage.replies.changes(request.conversation_id))
    assert (told.title, told.updated_at, told.deleted) == ("Who are you?", request.accepted_at, None)
    assert stage.replies.ends(request.turn_id) == []
    gate.open()
    await stage.replies.end_of(request.turn_id)


async def test_the_newest_answer_is_the_leaf_also_after_one_of_a_worker_whose_clock_is_ahead(stage: Stage) -> None:
    user_id, conversation_id, ahead_ms = user_id_of("dev", "asha"), new_id(), int(time.time() * 1000) + 5_000
    before = MessageRow(message_id=new_message_id(), role="assistant", text="Earlier.", created_at_ms=ahead_ms)
    await stage.store.messages.append(user_id, conversation_id, [before], ahead_ms)
    await stage.store.conversations.touch(
        user_id, conversation_id, leaf=before.message_id, updated_at_ms=ahead_ms, title_if_none="Skew"
    )
    request = await stage.ask(user_id=user_id, conversation_id=conversation_id)
    completed = (await stage.replies.end_of(request.turn_id))[-1]
    row = await stage.store.conversations.get(user_id, conversation_id)
    assert row is not None and isinstance(completed, Completed)
    assert row.leaf == completed.answer_id


async def test_a_turns_row_is_ended_and_nobody_holds_it(stage: Stage) -> None:
    request = await stage.ask()
    await stage.replies.end_of(request.turn_id)
    row = await stage.store.turns.load(request.turn_id)
    assert row is not None
    assert row.finish is not None
    assert (row.attempt, row.owner, row.finish.status) == (1, None, TurnStatus.COMPLETED)
    assert [row.finish.terminal_frame] == stage.replies.ends(request.turn_id)


async def test_a_turn_is_billed_once_by_what_the_provider_said(stage: Stage) -> None:
    request = await stage.ask()
    await stage.replies.end_of(request.turn_id)
    bills = await stage.bills(request)
    assert [(bill.attempt, bill.input_tokens, bill.output_tokens, bill.estimated) for bill in bills] == [
        (1, 7, 11, False)
    ]
    assert (bills[0].user_id, bills[0].model) == (request.user_id, "fast")


async def test_a_finished_turns_offset_is_committed(stage: Stage) -> None:
    before = await stage.committed()
    requests = [await stage.ask() for _ in range(3)]
    for request in requests:
        await stage.replies.end_of(request.turn_id)
    await stage.until_committed(before + 3)


async def test_the_turns_of_one_conversation_run_one_after_the_other_and_build_on_each_other(
    stage: Stage, door: ScriptedDoor
) -> None:
    conversation_id = new_id()
    requests = [await stage.ask(f"question {n}", conversation_id=conversation_id) for n in range(5)]
    for request in requests:
        await stage.replies.end_of(request.turn_id)
    frames = [f for f in map(decoded, stage.replies.records) if getattr(f, "conversation_id", "") == conversation_id]
    order = list(dict.fromkeys(frame.turn_id for frame in frames))
    assert order == [request.turn_id for request in requests]
    assert [frame.turn_id for frame in frames] == sorted((f.turn_id for f in frames), key=order.index)
    messages = await stage.messages(requests[0])
    assert [m.parent_id for m in messages] == [None, *(m.message_id for m in messages[:-1])]
    asked = [q.messages for q in door.asked if q.conversation_id == conversation_id]
    assert [m["content"] for m in asked[-1]] == [text for n in range(4) for text in (f"question {n}", "Hello you.")] + [
        "question 4"
    ]


async def test_a_question_may_go_on_from_an_earlier_answer(stage: Stage) -> None:
    first = await stage.ask("one")
    started = await stage.replies.frame_of(first.turn_id, Started)
    second = await stage.ask("two", conversation_id=first.conversation_id)
    await stage.replies.end_of(second.turn_id)
    third = await stage.ask("three", conversation_id=first.conversation_id, parent_id=started.answer_id)
    await stage.replies.end_of(third.turn_id)
    by_text = {m.text: m for m in await stage.messages(first)}
    assert by_text["two"].parent_id == by_text["three"].parent_id == started.answer_id


async def test_reasoning_is_shown_apart_and_is_no_part_of_the_answer(stage: Stage) -> None:
    request = await stage.ask(model="thinking")
    frames = await stage.replies.end_of(request.turn_id)
    deltas = [frame for frame in frames if isinstance(frame, Delta)]
    assert "".join(d.text for d in deltas if d.kind == "reasoning") == "Let me see ..."
    assert "".join(d.text for d in deltas if d.kind is None) == "42!"
    assert [d.kind for d in deltas] == sorted((d.kind for d in deltas), key=lambda kind: kind is None)
    assert (await stage.messages(request))[1].text == "42!"


async def test_an_answer_of_a_hundred_thousand_characters_arrives_whole_in_small_deltas(stage: Stage) -> None:
    request = await stage.ask(model="long")
    frames = await stage.replies.end_of(request.turn_id)
    text = "Ab\U0001f600\n" * 25_000
    assert answer_in(frames) == text
    assert (await stage.messages(request))[1].text == text
    assert max(len(f.text) for f in frames if isinstance(f, Delta)) <= MAX_DELTA_CHARACTERS
    assert max(len(raw) for raw in stage.replies.raw_frames(request.turn_id)) < 64 * 1024


async def test_an_empty_answer_is_an_answer(stage: Stage) -> None:
    request = await stage.ask(model="empty")
    frames = await stage.replies.end_of(request.turn_id)
    assert [codec.kind_of(frame) for frame in frames] == ["started", "completed"]
    assert (await stage.messages(request))[1].text == ""


async def test_a_fault_after_the_first_token_ends_the_turn_and_keeps_what_there_is(stage: Stage) -> None:
    request = await stage.ask(model="broken")
    frames = await stage.replies.end_of(request.turn_id)
    failed = frames[-1]
    assert isinstance(failed, Failed)
    assert (failed.code, failed.temporary) == (ErrorCode.PROVIDER_FAILED, True)
    answer = (await stage.messages(request))[1]
    assert (answer.text, answer.status) == ("Half", TurnStatus.FAILED) == (answer_in(frames), TurnStatus.FAILED)
    assert answer.usage is not None
    assert answer.usage.estimated


async def test_an_ended_turn_that_comes_again_repeats_its_end_byte_for_byte_and_bills_nothing_new(
    stage: Stage, door: ScriptedDoor
) -> None:
    request = await stage.ask("Once?")
    await stage.replies.end_of(request.turn_id)
    before = await stage.messages(request)
    asked = len(door.asked)
    await stage.ask_again(request)
    await stage.replies.end_of(request.turn_id, count=2)
    first, second = stage.replies.ends(request.turn_id)
    assert first == second
    assert len(door.asked) == asked
    assert await stage.messages(request) == before
    first_bill, second_bill = await stage.bills(request, at_least=2)
    assert first_bill == second_bill


async def test_a_repair_of_a_later_turn_keeps_the_conversations_title(stage: Stage) -> None:
    first = await stage.ask("The first")
    second = await stage.ask("The second", conversation_id=first.conversation_id)
    await stage.replies.end_of(second.turn_id)
    await stage.replies.until(lambda: len(stage.replies.changes(first.conversation_id)) == 3)
    await stage.ask_again(second)
    changes = await stage.replies.until(
        lambda: len(found := stage.replies.changes(first.conversation_id)) == 4 and found
    )
    assert [frame.title for frame in changes] == ["The first"] * 4


async def test_a_conversation_renamed_while_it_is_answered_keeps_its_new_name(stage: Stage, door: ScriptedDoor) -> None:
    gate = Gate()
    door.scripts["gated"] = ["Wait", gate, "!"]
    first = await stage.ask("The first")
    await stage.replies.end_of(first.turn_id)
    second = await stage.ask("The second", conversation_id=first.conversation_id, model="gated")
    await gate.wait_for_model()
    await stage.store.conversations.rename(first.user_id, first.conversation_id, "Renamed")
    renamed = ConversationRenamed(user_id=first.user_id, conversation_id=first.conversation_id, title="Renamed")
    await stage.control.notify(renamed)
    where = (first.user_id, first.conversation_id)
    await until(lambda: stage.worker._history.known_title(*where) == "Renamed")
    gate.open()
    await stage.replies.end_of(second.turn_id)
    third = await stage.ask("The third", conversation_id=first.conversation_id)
    await stage.replies.end_of(third.turn_id)
    changes = await stage.replies.until(
        lambda: len(found := stage.replies.changes(first.conversation_id)) == 4 and found
    )
    assert [frame.title for frame in changes] == ["The first", "The first", "Renamed", "Renamed"]


async def test_a_record_that_comes_twice_at_once_is_answered_once(stage: Stage, door: ScriptedDoor) -> None:
    gate = Gate()
    door.scripts["gated"] = ["Wait", gate, "!"]
    request = await stage.ask(model="gated")
    await gate.wait_for_model()
    await stage.ask_again(request)
    asked = len(door.asked)
    gate.open()
    frames = await stage.replies.end_of(request.turn_id, count=2)
    assert len(door.asked) == asked
    assert {frame.seq // 1_000_000 for frame in frames} == {1}
    assert [n_of(frame.seq) for frame in frames[:-1]] == list(range(len(frames) - 1))


async def test_the_worker_is_ready_while_it_takes_requests(stage: Stage) -> None:
    assert stage.worker.is_ready
    stop = asyncio.Event()
    stop.set()
    await stage.worker.failed_or(stop)


def decoded(record: ConsumerRecord[bytes, bytes]) -> AnyServerFrame:
    return codec.decode_server_frame(record.value)
