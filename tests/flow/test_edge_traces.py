"""What an edge adds to a turn's trace: asking, the way back to a socket, stopping, coming back. None per frame (O4)."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from observability.trace_ids import attempt_span_id, root_span_id, trace_id_of_turn
from observability.tracing import Tracing
from schemas.frames import TerminalFrame
from schemas.ids import new_id, seq_of
from schemas.requests import Ask, ChatRequest
from tests.edge_turns import Turn, answer_frames
from tests.flow.running_edge import Stage, stage, until
from tests.flow.worker_stage import a_request, tracing_into
from ws_edge.traced_requests import TracedRequests

CANARY = "CANARY-TEXT"


@pytest.fixture
def spans() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
async def scene(tmp_path: Path, spans: InMemorySpanExporter) -> AsyncIterator[Stage]:
    async with stage(tmp_path, tracing_into(spans)) as running:
        yield running


def named(spans: InMemorySpanExporter, name: str, turn_id: str) -> list[ReadableSpan]:
    """A turn's ended spans of this name."""
    trace_id = trace_id_of_turn(turn_id)
    return [span for span in spans.get_finished_spans() if span.name == name and span.context.trace_id == trace_id]


def told(span: ReadableSpan, *names: str) -> tuple[object, ...]:
    return tuple((span.attributes or {})[f"samvad.{name}"] for name in names)


def parent_of(span: ReadableSpan) -> int | None:
    return span.parent and span.parent.span_id


class TakenRequests:
    """Requests that the broker took, or refuses with `error`."""

    def __init__(self, error: Exception | None = None) -> None:
        self.traceparent: str | None = None
        self._error = error

    async def ask(self, request: ChatRequest, traceparent: str | None = None) -> None:
        self.traceparent = traceparent
        if self._error is not None:
            raise self._error


async def asked(tracing: Tracing, error: Exception | None = None) -> tuple[Ask, TakenRequests]:
    request, requests = a_request(CANARY), TakenRequests(error)
    await TracedRequests(requests, tracing).ask(request)
    return request, requests


async def test_a_trace_begins_with_the_clients_frame_and_the_record_carries_it_on(spans: InMemorySpanExporter) -> None:
    request, requests = await asked(tracing_into(spans))
    (sent,) = named(spans, "send chat.requests", request.turn_id)
    (root,) = named(spans, "receive send", request.turn_id)
    assert root.parent is None
    assert root.context.span_id == root_span_id(request.turn_id) == parent_of(sent)
    ids = f"{sent.context.trace_id:032x}-{sent.context.span_id:016x}"
    assert (requests.traceparent or "").startswith(f"00-{ids}-")
    assert CANARY not in root.to_json() + sent.to_json()


async def test_a_question_that_the_broker_refused_is_seen_by_its_kind(spans: InMemorySpanExporter) -> None:
    with pytest.raises(OSError, match=CANARY):
        await asked(tracing_into(spans), OSError(CANARY))
    sent, root = spans.get_finished_spans()
    assert [(span.attributes or {})["error.type"] for span in (sent, root)] == ["OSError", "OSError"]
    assert CANARY not in root.to_json() + sent.to_json()


async def test_the_first_delta_and_the_end_are_traced_once_however_many_sessions_watch(
    scene: Stage, spans: InMemorySpanExporter
) -> None:
    async with scene.person() as one, scene.person() as other:
        turn = Turn(one.user_id)
        for person in (one, other):
            await person.say(type="watch", conversation_id=turn.conversation_id)
            await person.hear("watching")
        scene.publish(one.user_id, *answer_frames(turn, 10))
        await until(lambda: bool(named(spans, "deliver end", turn.turn_id)))
        (first,) = named(spans, "deliver first delta", turn.turn_id)
        (end,) = named(spans, "deliver end", turn.turn_id)
    assert told(first, "seq", "sessions", "frame.kind") == (seq_of(1, 1), 2, "delta")
    assert told(end, "seq", "sessions", "frame.kind") == (seq_of(1, 11), 2, "completed")
    assert parent_of(first) == parent_of(end) == attempt_span_id(turn.turn_id, 1)
    assert len([span for span in spans.get_finished_spans() if span.name.startswith("deliver")]) == 2


async def test_what_nobody_watches_here_is_not_traced_here(scene: Stage, spans: InMemorySpanExporter) -> None:
    async with scene.person() as person:
        turn, watched = Turn(person.user_id), Turn(person.user_id)
        await person.say(type="watch", conversation_id=watched.conversation_id)
        await person.hear("watching")
        scene.publish(person.user_id, *answer_frames(turn, 1), *answer_frames(watched, 1))
        await until(lambda: bool(named(spans, "deliver end", watched.turn_id)))
    assert not named(spans, "deliver end", turn.turn_id)


async def test_a_stop_is_in_the_turns_trace_and_one_of_an_unknown_turn_nowhere(
    scene: Stage, spans: InMemorySpanExporter
) -> None:
    async with scene.person() as person:
        turn = Turn(person.user_id)
        scene.publish(person.user_id, turn.asked())
        await person.say(type="stop", turn_id=new_id())
        await person.hear("error")
        await person.say(type="stop", turn_id=turn.turn_id)
        await until(lambda: bool(named(spans, "stop turn", turn.turn_id)))
    (stop,) = spans.get_finished_spans()
    assert told(stop, "outcome", "user.id") == ("asked", person.user_id)
    assert parent_of(stop) == root_span_id(turn.turn_id)


@pytest.mark.parametrize(("cursor", "frames"), [(seq_of(1, 4), 2), (0, 7), (seq_of(1, 6), 0)])
async def test_coming_back_says_what_was_missing_and_where_it_came_from(
    scene: Stage, spans: InMemorySpanExporter, cursor: int, frames: int
) -> None:
    async with scene.person() as person:
        turn = Turn(person.user_id)
        scene.publish(person.user_id, *answer_frames(turn, 6)[:-1])
        await person.say(type="watch", conversation_id=turn.conversation_id, after={turn.turn_id: cursor})
        await person.hear("watching")
        await until(lambda: bool(named(spans, "resume turn", turn.turn_id)))
    (resume,) = named(spans, "resume turn", turn.turn_id)
    assert told(resume, "resume.with", "resume.source", "frames") == ("frames", "log", frames)
    assert parent_of(resume) == root_span_id(turn.turn_id)


async def test_another_device_is_given_a_snapshot(scene: Stage, spans: InMemorySpanExporter) -> None:
    async with scene.person() as person:
        turn = Turn(person.user_id)
        scene.publish(person.user_id, *answer_frames(turn, 6)[:-1])
        await person.say(type="watch", conversation_id=turn.conversation_id)
        await person.hear_all("watching", "snapshot")
        await until(lambda: bool(named(spans, "resume turn", turn.turn_id)))
    (resume,) = named(spans, "resume turn", turn.turn_id)
    assert told(resume, "resume.with", "resume.source") == ("snapshot", "log")


async def test_who_comes_back_days_later_is_still_in_the_turns_trace(scene: Stage, spans: InMemorySpanExporter) -> None:
    async with scene.person() as person:
        turn = Turn(person.user_id)
        end = answer_frames(turn, 6)[-1]
        assert isinstance(end, TerminalFrame)
        await scene.store.turns.compare_and_set(turn.ended_row(end), None)
        await person.say(type="watch", conversation_id=turn.conversation_id, after={turn.turn_id: seq_of(1, 2)})
        await person.hear_all("watching", "snapshot")
        await until(lambda: bool(named(spans, "resume turn", turn.turn_id)))
    (resume,) = named(spans, "resume turn", turn.turn_id)
    assert told(resume, "resume.with", "resume.source") == ("snapshot", "store")
