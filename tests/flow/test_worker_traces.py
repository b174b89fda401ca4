"""What a worker adds to a turn's trace: one `process` span for each attempt, linked to the one before (O2, O3)."""

from pathlib import Path

import pytest
from opentelemetry.sdk.trace import ReadableSpan

from observability.trace_ids import attempt_span_id, root_span_id, trace_id_of_turn
from schemas.control import TurnTaken
from schemas.requests import Ask
from tests.flow.dying_workers import hurry
from tests.flow.practice_client import until
from tests.flow.scripted_door import Gate, ScriptedDoor
from tests.flow.test_worker_claims import NOBODY_DIES, QUICK_DEATH, held_by, taken_by_another
from tests.flow.worker_stage import Stage, a_request, running_stage

CANARY = "CANARY-TEXT"


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    hurry(monkeypatch)


def spans_of(stage: Stage, request: Ask, name: str) -> list[ReadableSpan]:
    trace_id = trace_id_of_turn(request.turn_id)
    return [s for s in stage.spans.get_finished_spans() if s.name == name and s.context.trace_id == trace_id]


def told(span: ReadableSpan, name: str) -> object:
    return (span.attributes or {}).get(f"samvad.{name}")


def links_of(span: ReadableSpan) -> list[int]:
    return [link.context.span_id for link in span.links]


async def finished(stage: Stage, request: Ask) -> ReadableSpan:
    await stage.replies.end_of(request.turn_id)
    await until(lambda: bool(spans_of(stage, request, "finish turn")))
    return spans_of(stage, request, "finish turn")[0]


async def test_a_first_attempt_is_one_process_span_with_where_it_came_from_and_how_long_it_waited(
    tmp_path: Path,
) -> None:
    async with running_stage(tmp_path, ScriptedDoor({"fast": [CANARY]})) as stage:
        request = await stage.ask(CANARY)
        finish = await finished(stage, request)
        (process,) = spans_of(stage, request, "process chat.requests")
        everything = "".join(span.to_json() for span in stage.spans.get_finished_spans())
    attributes = process.attributes or {}
    assert process.context.span_id == attempt_span_id(request.turn_id, 1)
    assert process.parent is not None
    assert process.parent.span_id == root_span_id(request.turn_id), "there was no traceparent"
    assert not process.links
    assert attributes["messaging.system"] == "kafka"
    assert attributes["messaging.consumer.group.name"] == "workers"
    assert attributes["messaging.kafka.offset"] == 0
    assert 0 <= int(str(attributes["samvad.lane_wait_ms"])) <= int(str(attributes["samvad.queue_wait_ms"])) + 1
    assert (told(process, "claim.kind"), told(finish, "outcome")) == ("first", "completed")
    assert CANARY not in everything


async def test_the_process_span_is_sent_before_the_answer_streams(tmp_path: Path) -> None:
    gate = Gate()
    async with running_stage(tmp_path, ScriptedDoor({"fast": ["Hello", gate, " you."]})) as stage:
        request = await stage.ask()
        await gate.wait_for_model()
        sent = {span.name for span in stage.spans.get_finished_spans()}
        gate.open()
        await stage.replies.end_of(request.turn_id)
    assert sent == {"process chat.requests", "claim turn", "build context"}


async def test_a_takeover_is_linked_to_the_attempt_of_the_dead(tmp_path: Path) -> None:
    request = a_request()
    async with running_stage(tmp_path, ScriptedDoor({"fast": ["Hello"]}), QUICK_DEATH) as stage:
        await stage.store.turns.compare_and_set(held_by("dead", request), None)
        await stage.ask_again(request)
        finish = await finished(stage, request)
        (process,) = spans_of(stage, request, "process chat.requests")
        (claim,) = spans_of(stage, request, "claim turn")
    assert process.context.span_id == attempt_span_id(request.turn_id, 2)
    assert links_of(process) == [attempt_span_id(request.turn_id, 1)]
    assert (told(claim, "claim.kind"), told(claim, "attempt"), told(finish, "attempt")) == ("takeover", 2, 2)
    assert claim.parent is not None
    assert finish.parent is not None
    assert claim.parent.span_id == finish.parent.span_id == process.context.span_id


async def test_a_record_that_comes_again_after_the_end_is_linked_to_the_attempt_that_ended_it(tmp_path: Path) -> None:
    async with running_stage(tmp_path, ScriptedDoor({"fast": ["Hello"]})) as stage:
        request = await stage.ask()
        await finished(stage, request)
        await stage.ask_again(request)
        await until(lambda: len(spans_of(stage, request, "process chat.requests")) == 2)
        first, again = spans_of(stage, request, "process chat.requests")
    assert told(again, "claim.kind") == "redelivery"
    assert again.context.span_id != first.context.span_id
    assert links_of(again) == [first.context.span_id]


async def test_an_attempt_that_was_taken_from_its_worker_says_so(tmp_path: Path) -> None:
    gate = Gate()
    async with running_stage(tmp_path, ScriptedDoor({"fast": ["Hello", gate]}), NOBODY_DIES) as stage:
        request = await stage.ask()
        await stage.replies.shown(request.turn_id, "Hello")
        await taken_by_another(stage, request)
        await stage.control.notify(TurnTaken(turn_id=request.turn_id, attempt=2))
        await until(lambda: bool(spans_of(stage, request, "leave turn")))
        (leave,) = spans_of(stage, request, "leave turn")
        gate.open()
    assert (told(leave, "outcome"), told(leave, "attempt")) == ("fenced", 1)


async def test_a_stop_and_a_failure_are_how_the_turn_finished(tmp_path: Path) -> None:
    gate = Gate()
    async with running_stage(tmp_path, ScriptedDoor({"fast": ["Hello", gate]})) as stage:
        stopped = await stage.ask()
        await stage.replies.shown(stopped.turn_id, "Hello")
        await stage.ask_to_stop(stopped)
        assert told(await finished(stage, stopped), "outcome") == "stopped"
        gate.open()
        failed = await stage.ask(parent_id=stopped.turn_id)
        finish = await finished(stage, failed)
    assert told(finish, "outcome") == "failed"
    assert not finish.status.is_ok
    assert (finish.attributes or {})["error.type"] == "unknown_parent"
