"""A turn's trace as Jaeger gives it: from real roles over real servers, through a killed worker and a second edge."""

import asyncio
from collections.abc import Callable

import pytest
from typer.testing import CliRunner

from infra.cli.main import app
from infra.jaeger_query import SeenSpan, raw_trace, trace_in_jaeger
from observability.trace_ids import attempt_span_id, root_span_id, trace_id_of_turn
from observability.tracing import TraceTarget, setup_tracing
from schemas.ids import new_id
from tests.connected.roles import Roles
from tests.connected.running_stack import RunningStack
from tests.whole.people import Person, person

pytestmark = [pytest.mark.connected, pytest.mark.timeout(120)]

CANARY = "CANARY-TEXT"
SOON_DEAD = {"SAMVAD_DEAD_AFTER_SECONDS": "2", "SAMVAD_DRAIN_SECONDS": "1"}
"""Long enough for three looks at a heartbeat."""
JAEGER_SECONDS = 30.0

Spans = list[SeenSpan]


async def trace_with(stack: RunningStack, turn_id: str, *names: str, attempt: int | None = None) -> Spans:
    """The turn's trace once it has spans of all these names (of this attempt)."""
    async with asyncio.timeout(JAEGER_SECONDS):
        while True:
            spans = await asyncio.to_thread(trace_in_jaeger, stack.addresses.jaeger_query, hexadecimal_trace(turn_id))
            there = {span.name for span in spans if attempt in (None, span.tags.get("samvad.attempt"))}
            if there.issuperset(names):
                return spans
            await asyncio.sleep(0.2)


async def assert_nowhere(stack: RunningStack, turn_id: str, *texts: str) -> None:
    """In all that Jaeger has of the turn's trace: attributes, events, processes, warnings."""
    answer = await asyncio.to_thread(raw_trace, stack.addresses.jaeger_query, hexadecimal_trace(turn_id))
    assert answer.count(b"spanID") > 0
    for text in texts:
        assert text.encode() not in answer


def one(spans: Spans, name: str, **tags: object) -> SeenSpan:
    """The only span of this name with these `samvad.` attributes."""
    wanted = {f"samvad.{key}": value for key, value in tags.items()}
    (found,) = [span for span in spans if span.name == name and span.tags.items() >= wanted.items()]
    return found


def hexadecimal_trace(turn_id: str) -> str:
    return format(trace_id_of_turn(turn_id), "032x")


def hexadecimal(span_id: int) -> str:
    return format(span_id, "016x")


async def until_begun(someone: Person, model: str) -> Callable[[], str]:
    """Asks, and waits for the first words; then the turn's id."""
    handle = someone.client.ask(someone.conversation_id, f"{CANARY} please", model)
    async for view in handle:
        if len(view.answer.split()) > 1:
            break
    return lambda: handle.view.turn_id


async def test_an_ordinary_turn_is_one_trace_over_edge_worker_and_back_without_its_text(
    stack: RunningStack, roles: Roles
) -> None:
    with roles.worker() as worker, roles.edge() as edge:
        async with person(edge.said["edge"], "asha") as asha:
            ended = await asha.ask(f"{CANARY} please", "fast")
        spans = await trace_with(stack, ended.turn_id, "finish turn", "deliver end", "deliver first delta")
    root, sent = one(spans, "receive send"), one(spans, "send chat.requests")
    process = one(spans, "process chat.requests", attempt=1)
    assert (root.parent_id, root.span_id) == (None, hexadecimal(root_span_id(ended.turn_id)))
    assert (sent.parent_id, process.parent_id) == (root.span_id, sent.span_id)
    below = {span.name: span.parent_id for span in spans if span not in (root, sent, process)}
    below.pop("resume turn", None)  # on a slow machine the client has come back meanwhile
    chat = "chat hosted_vllm/practice-12x5"
    steps = ["claim turn", "build context", chat, "first token", "finish turn", "deliver first delta", "deliver end"]
    assert below == dict.fromkeys(steps, process.span_id)
    services = {span.name: span.service for span in spans}
    assert {name for name, service in services.items() if service == "samvad-edge"} == {
        "receive send",
        "send chat.requests",
        "deliver first delta",
        "deliver end",
    }
    assert {span.service for span in spans} == {"samvad-edge", "samvad-worker"}
    assert process.instance == worker.said["worker"]
    assert process.tags["span.kind"] == "consumer"
    assert process.tags["messaging.destination.name"] == "chat.requests"
    assert process.tags["messaging.consumer.group.name"] == "workers"
    assert 0 <= int(process.tags["messaging.destination.partition.id"]) < 24
    assert process.tags["samvad.queue_wait_ms"] >= 0
    assert one(spans, "claim turn").tags["samvad.claim.kind"] == "first"
    assert one(spans, chat).tags["gen_ai.usage.output_tokens"] == 12
    assert one(spans, chat).tags["gen_ai.response.time_to_first_chunk"] > 0
    assert one(spans, "finish turn").tags["samvad.outcome"] == "completed"
    await assert_nowhere(stack, ended.turn_id, CANARY, ended.answer, ended.answer[:20])


async def test_a_provider_that_breaks_off_is_seen_by_its_fault(stack: RunningStack, roles: Roles) -> None:
    with roles.worker(), roles.edge() as edge:
        async with person(edge.said["edge"], "asha") as asha:
            ended = await asha.ask(f"{CANARY} please", "broken")
        spans = await trace_with(stack, ended.turn_id, "finish turn")
    chat, finish = one(spans, "chat hosted_vllm/practice-12x5-reset6"), one(spans, "finish turn")
    assert chat.tags["error"] is True
    assert chat.tags["error.type"]
    assert (finish.tags["samvad.outcome"], finish.tags["error.type"]) == ("failed", ended.code)
    await assert_nowhere(stack, ended.turn_id, CANARY)


async def test_a_killed_workers_spans_stay_and_the_takeovers_are_linked_to_them(
    stack: RunningStack, roles: Roles
) -> None:
    with roles.edge() as edge, roles.edge() as other, roles.worker(**SOON_DEAD) as first:
        async with person(edge.said["edge"], "ravi") as ravi, person(other.said["edge"], "ravi") as elsewhere:
            turn_id = (await until_begun(ravi, "endless"))()
            await trace_with(stack, turn_id, "process chat.requests", "first token", "deliver first delta")
            with roles.worker(**SOON_DEAD):
                first.kill()
                await trace_with(stack, turn_id, "process chat.requests", attempt=2)
                conversation = await elsewhere.client.watch(ravi.conversation_id)
                (running,) = conversation.turns
                elsewhere.client.stop_turn(running)
                spans = await trace_with(stack, turn_id, "stop turn", "resume turn", "finish turn", "deliver end")
            assert_taken_over(spans, turn_id, first.said["worker"])
    result = CliRunner().invoke(app, ["trace", turn_id, "--jaeger", stack.addresses.jaeger_query])
    assert result.exit_code == 0
    assert "linked to attempt 1" in result.output
    assert CANARY not in result.output
    await assert_nowhere(stack, turn_id, CANARY)


async def test_text_in_an_exceptions_event_would_be_found(stack: RunningStack) -> None:
    turn_id, tracing = new_id(), setup_tracing("samvad-test", "test", TraceTarget(stack.addresses.otlp))
    with tracing.turn(turn_id).sender.start("receive send") as span:
        span.record_exception(ValueError(CANARY))
    await asyncio.to_thread(tracing.shut_down)
    await trace_with(stack, turn_id, "receive send")
    with pytest.raises(AssertionError):
        await assert_nowhere(stack, turn_id, CANARY)


def assert_taken_over(spans: Spans, turn_id: str, first: str) -> None:
    lost, taken = (one(spans, "process chat.requests", attempt=attempt) for attempt in (1, 2))
    assert taken.instance != lost.instance == first
    assert lost.span_id == hexadecimal(attempt_span_id(turn_id, 1))
    assert taken.links == (lost.span_id,)
    assert taken.parent_id == lost.parent_id == one(spans, "send chat.requests").span_id
    of_the_lost = {span.name for span in spans if span.parent_id == lost.span_id}
    assert of_the_lost >= {"claim turn", "build context", "first token", "deliver first delta"}
    assert not any(name.startswith("chat ") for name in of_the_lost), "the kill took the span that was open"
    assert one(spans, "claim turn", attempt=2).tags["samvad.claim.kind"] == "takeover"
    assert one(spans, "finish turn").tags["samvad.outcome"] == "stopped"
    assert one(spans, "finish turn").parent_id == taken.span_id
    assert one(spans, "stop turn").tags["samvad.outcome"] in {"asked", "had ended"}  # it is told before it is written
    resumed = one(spans, "resume turn")
    assert resumed.instance != one(spans, "receive send").instance
    assert not [span for span in spans if span.parent_id not in {None, *(each.span_id for each in spans)}]
