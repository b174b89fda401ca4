"""Traces: one per turn, carried from edge to worker in the record's `traceparent` header (W3C Trace Context).

Parents are passed on by hand, never through the current context: a turn's steps run in several tasks (O1, O6).
Spans are short, so a kill loses little (O3), and there is none per chunk (O4).
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_INSTANCE_ID, SERVICE_NAME, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter, SpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ParentBased, TraceIdRatioBased
from opentelemetry.trace import Span, SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from observability.conventions import ERROR_TYPE

Attribute = str | int | float | bool

_propagator = TraceContextTextMapPropagator()


class Tracing:
    """A role's source of spans."""

    def __init__(self, provider: TracerProvider) -> None:
        self.provider = provider
        self._tracer = provider.get_tracer("samvad")

    def start(
        self,
        name: str,
        parent: str | None = None,
        kind: SpanKind = SpanKind.INTERNAL,
        attributes: Mapping[str, Attribute] | None = None,
        start_ns: int | None = None,
    ) -> Span:
        """A span that the caller ends. `parent` is a traceparent; None begins a trace."""
        return self._tracer.start_span(name, _context(parent), kind, dict(attributes or {}), start_time=start_ns)

    @contextmanager
    def span(
        self,
        name: str,
        parent: str | None = None,
        kind: SpanKind = SpanKind.INTERNAL,
        attributes: Mapping[str, Attribute] | None = None,
    ) -> Iterator[Span]:
        """A span around a block; an exception marks it by its type, never by its text."""
        span = self.start(name, parent, kind, attributes)
        try:
            yield span
        except BaseException as error:
            mark_failed(span, type(error).__name__)
            raise
        finally:
            span.end()

    def shut_down(self) -> None:
        """Sends what is left. Blocks for a few seconds at the most: call it in a thread or at the very end."""
        self.provider.shutdown()


@dataclass(frozen=True, slots=True)
class TraceTarget:
    """Where spans go: an OTLP collector's address such as `http://127.0.0.1:4318`, a file of JSON lines, or both."""

    endpoint: str | None = None
    file: Path | None = None
    ratio: float = 1.0


def setup_tracing(service: str, instance_id: str, target: TraceTarget) -> Tracing:
    """A role's tracing. Without a target spans are not recorded and only carry ids for the logs."""
    resource = Resource.create({SERVICE_NAME: service, SERVICE_INSTANCE_ID: instance_id})
    exporters = _exporters(target)
    sampler = ParentBased(TraceIdRatioBased(target.ratio)) if exporters else ALWAYS_OFF
    provider = TracerProvider(resource=resource, sampler=sampler, shutdown_on_exit=False)
    for exporter in exporters:
        provider.add_span_processor(BatchSpanProcessor(exporter, max_queue_size=16_384, schedule_delay_millis=1_000))
    return Tracing(provider)


def _exporters(target: TraceTarget) -> list[SpanExporter]:
    exporters: list[SpanExporter] = []
    if target.endpoint is not None:
        exporters.append(OTLPSpanExporter(endpoint=f"{target.endpoint.rstrip('/')}/v1/traces"))
    if target.file is not None:
        descriptor = os.open(target.file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        lines = os.fdopen(descriptor, "a", encoding="utf-8")
        exporters.append(ConsoleSpanExporter(out=lines, formatter=lambda span: span.to_json(indent=None) + "\n"))
    return exporters


def traceparent_of(span: Span) -> str:
    """The header value that makes another span this one's child."""
    carrier: dict[str, str] = {}
    _propagator.inject(carrier, trace.set_span_in_context(span, Context()))
    return carrier.get("traceparent", "")


def trace_id_of(span: Span) -> str:
    """The trace's id as Jaeger shows it: 32 hexadecimal digits."""
    return trace.format_trace_id(span.get_span_context().trace_id)


def mark_failed(span: Span, error_type: str) -> None:
    """Says what kind of failure ended a span."""
    span.set_status(Status(StatusCode.ERROR, error_type))
    span.set_attribute(ERROR_TYPE, error_type)


def _context(parent: str | None) -> Context:
    # An empty context, so that nothing ambient becomes a parent by accident.
    if not parent:
        return Context()
    return _propagator.extract({"traceparent": parent}, Context())
