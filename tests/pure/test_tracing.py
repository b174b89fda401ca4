"""A turn's trace follows from its id, parents are passed on by hand, and no span says more than it should (O1-O7)."""

import pytest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from observability.trace_ids import attempt_span_id, root_span_id, trace_id_of_turn
from observability.tracing import TraceTarget, Tracing, resource_of, setup_tracing, untraced
from observability.turn_trace import NO_SPAN, spanning
from schemas.ids import new_id

TURN = "0d4f3a8e-6d1c-5c7e-8a64-3f3f0f0b6f11"


@pytest.fixture
def spans() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def tracing(spans: InMemorySpanExporter) -> Tracing:
    return into(spans)


def into(spans: InMemorySpanExporter, ratio: float = 1.0) -> Tracing:
    return Tracing(Resource.get_empty(), [SimpleSpanProcessor(spans)], ratio)


def test_edge_and_worker_find_the_same_trace_without_telling_each_other(spans: InMemorySpanExporter) -> None:
    into(spans).turn(TURN).start_root("receive send", {}).end()
    into(spans).turn(TURN).start_attempt("process chat.requests", 1, {}, 0).end()
    root, attempt = spans.get_finished_spans()
    assert root.context.trace_id == attempt.context.trace_id == trace_id_of_turn(TURN)
    assert root.parent is None
    assert attempt.parent is not None
    assert attempt.parent.span_id == root.context.span_id == root_span_id(TURN)


def test_the_ids_of_a_turn_never_change_because_traces_of_running_turns_would_fall_apart() -> None:
    assert trace_id_of_turn(TURN) == 0x2D0049C11A5E8C02CCF19D4D3B109A5F
    assert root_span_id(TURN) == 0xD3ABEE65DA99E099
    assert attempt_span_id(TURN, 2) == 0x43EFFB9917B1CB15


def test_a_later_attempt_is_linked_to_the_one_before_it(tracing: Tracing, spans: InMemorySpanExporter) -> None:
    for attempt in (1, 2):
        tracing.turn(TURN).start_attempt("process chat.requests", attempt, {}, 0).end()
    first, second = spans.get_finished_spans()
    assert not first.links
    (link,) = second.links
    assert (link.context.trace_id, link.context.span_id) == (first.context.trace_id, first.context.span_id)


def test_a_traceparent_of_the_turns_own_trace_is_the_parent(tracing: Tracing, spans: InMemorySpanExporter) -> None:
    edge = tracing.turn(TURN)
    sent = edge.root().start("send chat.requests")
    tracing.turn(TURN, edge.root().below(sent).traceparent).sender.start("claim turn").end()
    (child,) = spans.get_finished_spans()
    assert child.parent is not None
    assert child.parent.span_id == sent.get_span_context().span_id


@pytest.mark.parametrize("parent", [None, "", "nonsense", "00-0-0-00", f"00-{'1' * 32}-{'2' * 16}-01"])
def test_without_a_usable_traceparent_the_trace_is_the_turns_own(
    tracing: Tracing, spans: InMemorySpanExporter, parent: str | None
) -> None:
    tracing.turn(TURN, parent).sender.start("claim turn").end()
    (span,) = spans.get_finished_spans()
    assert span.context.trace_id == trace_id_of_turn(TURN)
    assert span.parent is not None
    assert span.parent.span_id == root_span_id(TURN)


def test_every_process_with_the_same_ratio_samples_the_same_turns_and_about_that_share_of_them() -> None:
    one, other = (into(InMemorySpanExporter(), ratio=0.25) for _ in range(2))
    turns = [new_id() for _ in range(2_000)]
    sampled = [one.turn(turn).is_sampled for turn in turns]
    assert sampled == [other.turn(turn).is_sampled for turn in turns]
    assert 400 < sum(sampled) < 600


def test_what_the_edge_decided_about_a_turn_counts_whatever_the_workers_ratio(spans: InMemorySpanExporter) -> None:
    decided = into(InMemorySpanExporter(), ratio=0.0).turn(TURN).root().traceparent
    assert not into(spans).turn(TURN, decided).is_sampled


def test_of_a_turn_that_is_not_sampled_nothing_is_started(spans: InMemorySpanExporter) -> None:
    trace = into(spans, ratio=0.0).turn(TURN)
    started = [
        trace.start_root("receive send", {}),
        trace.start_attempt("process chat.requests", 1, {}, 0),
        trace.sender.start("claim turn"),
        trace.sender.below(NO_SPAN).start("first token"),
    ]
    assert all(span is NO_SPAN for span in started)
    assert not spans.get_finished_spans()


def test_ids_given_to_one_span_are_not_the_next_ones(tracing: Tracing, spans: InMemorySpanExporter) -> None:
    trace = tracing.turn(TURN)
    trace.start_root("receive send", {}).end()
    trace.root().start("send chat.requests").end()
    root, child = spans.get_finished_spans()
    assert root.context.span_id != child.context.span_id


def test_an_exception_marks_a_span_by_its_type_and_never_by_its_text(
    tracing: Tracing, spans: InMemorySpanExporter
) -> None:
    with pytest.raises(ValueError, match="SECRET"), spanning(tracing.turn(TURN).sender.start("process")):
        raise ValueError("SECRET")
    (failed,) = spans.get_finished_spans()
    assert failed.status.status_code is StatusCode.ERROR
    assert failed.attributes is not None
    assert failed.attributes["error.type"] == "ValueError"
    assert "SECRET" not in failed.to_json()


def test_without_a_target_there_are_only_ids_for_the_logs() -> None:
    tracing = setup_tracing("worker", "1", TraceTarget())
    trace = tracing.turn(TURN)
    assert trace.start_root("receive send", {}) is NO_SPAN
    assert trace.trace_id == format(trace_id_of_turn(TURN), "032x")
    assert int(trace.sender.traceparent[-2:], 16) & 1 == 0, "not sampled"
    assert untraced().turn(TURN).trace_id == trace.trace_id
    tracing.shut_down()


def test_what_the_environment_says_of_a_process_is_in_its_resource(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=staging,service.version=7")
    attributes = resource_of("samvad-edge", "edge-1").attributes
    assert attributes["service.name"] == "samvad-edge"
    assert attributes["service.instance.id"] == "edge-1"
    assert attributes["deployment.environment.name"] == "staging"
    assert attributes["service.version"] == "7"
