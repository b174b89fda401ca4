"""One turn's trace: its well-known places, and the spans that are started below them.

Parents are passed on by hand, never through the current context: a turn's steps run in several tasks (O1, O6).
Of a turn that is not sampled nothing is ever started: its places give one and the same empty span (O4).
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import (
    INVALID_SPAN_CONTEXT,
    Link,
    NonRecordingSpan,
    Span,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    Tracer,
)
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from observability import conventions as c
from observability.trace_ids import GivenIds, attempt_span_id, root_span_id

Attribute = str | int | float | bool
Attributes = Mapping[str, Attribute]

NO_SPAN: Span = NonRecordingSpan(INVALID_SPAN_CONTEXT)
"""What a turn that is not sampled gets; setting and ending it do nothing."""

_propagator = TraceContextTextMapPropagator()


@dataclass(frozen=True)
class TracePoint:
    """A place in a trace: spans started here are children of the span that `context` names."""

    tracer: Tracer
    context: SpanContext

    @property
    def is_sampled(self) -> bool:
        return self.context.trace_flags.sampled

    @property
    def traceparent(self) -> str:
        """The header value that carries this place to another process."""
        carrier: dict[str, str] = {}
        _propagator.inject(carrier, self._as_parent)
        return carrier["traceparent"]

    def start(
        self,
        name: str,
        kind: SpanKind = SpanKind.INTERNAL,
        attributes: Attributes | None = None,
        start_ns: int | None = None,
        links: Sequence[Link] = (),
    ) -> Span:
        """A span that the caller ends. `start_ns`: since 1970, if it began earlier than now."""
        if not self.is_sampled:
            return NO_SPAN
        given = dict(attributes or {})
        return self.tracer.start_span(name, self._as_parent, kind, given, list(links), start_time=start_ns)

    def below(self, span: Span) -> "TracePoint":
        """The place of a span that was started here."""
        return TracePoint(self.tracer, span.get_span_context()) if self.is_sampled else self

    @cached_property
    def _as_parent(self) -> Context:
        # A context of its own, so that nothing ambient becomes a parent by accident.
        return trace.set_span_in_context(NonRecordingSpan(self.context), Context())


@dataclass(frozen=True, slots=True)
class TurnTrace:
    """A turn's trace. `sender`: the span that wrote the request, or the trace's root where that is not known."""

    turn_id: str
    sender: TracePoint
    ids: GivenIds

    @property
    def is_sampled(self) -> bool:
        return self.sender.is_sampled

    @property
    def trace_id(self) -> str:
        """As Jaeger shows it: 32 hexadecimal digits."""
        return trace.format_trace_id(self.sender.context.trace_id)

    def start_root(self, name: str, attributes: Attributes) -> Span:
        """The first span of the trace; a question that another edge accepts again gives the same one again."""
        if not self.is_sampled:
            return NO_SPAN
        with self.ids.given(self.sender.context.trace_id, root_span_id(self.turn_id)):
            return self.sender.tracer.start_span(name, Context(), SpanKind.SERVER, dict(attributes))

    def start_attempt(self, name: str, attempt: int, attributes: Attributes, start_ns: int) -> Span:
        """The span of a won attempt. A later one is linked to the one before it (O2)."""
        links = [self.link_to(attempt - 1)] if attempt > 1 else []
        with self.ids.given(self.sender.context.trace_id, attempt_span_id(self.turn_id, attempt)):
            return self.sender.start(name, SpanKind.CONSUMER, attributes, start_ns, links)

    def attempt(self, attempt: int) -> TracePoint:
        """The place of an attempt's span, whichever worker has it."""
        return self._place(attempt_span_id(self.turn_id, attempt))

    def root(self) -> TracePoint:
        """The place of the trace's first span."""
        return self._place(root_span_id(self.turn_id))

    def link_to(self, attempt: int) -> Link:
        """Says that a span goes on from an attempt, or repairs what it left."""
        return Link(self.attempt(attempt).context, {c.ATTEMPT: attempt})

    def _place(self, span_id: int) -> TracePoint:
        known = self.sender.context
        context = SpanContext(known.trace_id, span_id, is_remote=True, trace_flags=known.trace_flags)
        return TracePoint(self.sender.tracer, context)


def context_of(traceparent: str) -> SpanContext | None:
    """What a `traceparent` names; None if it can't be read."""
    context = trace.get_current_span(_propagator.extract({"traceparent": traceparent}, Context())).get_span_context()
    return context if context.is_valid else None


@contextmanager
def spanning(span: Span) -> Iterator[Span]:
    """Ends a span after a block; an exception marks it by its type, never by its text."""
    try:
        yield span
    except BaseException as error:
        mark_failed(span, type(error).__name__)
        raise
    finally:
        span.end()


def mark_failed(span: Span, error_type: str) -> None:
    """Says what kind of failure ended a span."""
    span.set_status(Status(StatusCode.ERROR, error_type))
    span.set_attribute(c.ERROR_TYPE, error_type)
