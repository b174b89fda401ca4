"""Traces are passed on by hand, and a failed span says the kind of its failure and nothing more (O1-O7)."""

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from observability.tracing import TraceTarget, Tracing, setup_tracing, trace_id_of, traceparent_of


@pytest.fixture
def spans() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def tracing(spans: InMemorySpanExporter) -> Tracing:
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(spans))
    return Tracing(provider)


def test_a_traceparent_makes_a_child_in_the_same_trace(tracing: Tracing, spans: InMemorySpanExporter) -> None:
    edge = tracing.start("receive send")
    with tracing.span("process", traceparent_of(edge)) as child:
        assert trace_id_of(child) == trace_id_of(edge)
    (ended,) = spans.get_finished_spans()
    assert ended.parent is not None
    assert ended.parent.span_id == edge.get_span_context().span_id


@pytest.mark.parametrize("parent", [None, "", "nonsense", "00-0-0-00"])
def test_without_a_usable_parent_a_trace_begins(
    tracing: Tracing, spans: InMemorySpanExporter, parent: str | None
) -> None:
    with tracing.span("outer"), tracing.span("process", parent):
        pass
    inner, outer = spans.get_finished_spans()
    assert inner.parent is None
    assert inner.context.trace_id != outer.context.trace_id


def test_an_exception_marks_a_span_by_its_type_and_never_by_its_text(
    tracing: Tracing, spans: InMemorySpanExporter
) -> None:
    with pytest.raises(ValueError, match="SECRET"), tracing.span("process"):
        raise ValueError("SECRET")
    (failed,) = spans.get_finished_spans()
    assert failed.status.status_code is StatusCode.ERROR
    assert failed.attributes is not None
    assert failed.attributes["error.type"] == "ValueError"
    assert "SECRET" not in failed.to_json()


def test_without_a_target_spans_only_carry_ids() -> None:
    tracing = setup_tracing("worker", "1", TraceTarget())
    span = tracing.start("process")
    assert not span.is_recording()
    assert len(trace_id_of(span)) == 32
    assert int(trace_id_of(span), 16) > 0
    assert int(traceparent_of(span)[-2:], 16) & 1 == 0, "not sampled"
    tracing.shut_down()
