"""Traces: one per turn, found by its id, and carried from edge to worker in the record's `traceparent` header (W3C).

trace = tracing.turn(turn_id, traceparent)      # the trace that follows from the turn's id
trace.sender.start("claim turn")                # a span below the one that wrote the request

Spans are short, so a kill loses little (O3), and there is none per chunk (O4).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from opentelemetry.sdk.resources import SERVICE_INSTANCE_ID, SERVICE_NAME, SERVICE_VERSION, Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.sampling import Decision, ParentBased, TraceIdRatioBased
from opentelemetry.trace import SpanContext, TraceFlags

from observability.span_export import BoundedBatches, ExportCounts, to_collector, to_file
from observability.trace_ids import GivenIds, root_span_id, trace_id_of_turn
from observability.turn_trace import TracePoint, TurnTrace, context_of


@dataclass(frozen=True, slots=True)
class TraceTarget:
    """Where spans go: an OTLP collector's address such as `http://127.0.0.1:4318`, a file of JSON lines, or both."""

    endpoint: str | None = None
    file: Path | None = None
    ratio: float = 1.0


class Tracing:
    """A role's source of spans. Without a processor nothing is sampled, and ids only serve the logs."""

    def __init__(self, resource: Resource, processors: Sequence[SpanProcessor], ratio: float = 1.0) -> None:
        self._is_off = not processors
        self._ratio = TraceIdRatioBased(ratio)
        self._ids = GivenIds()
        self._provider = TracerProvider(
            resource=resource, sampler=ParentBased(self._ratio), id_generator=self._ids, shutdown_on_exit=False
        )
        self._batches = [processor for processor in processors if isinstance(processor, BoundedBatches)]
        for processor in processors:
            self._provider.add_span_processor(processor)
        self._tracer = self._provider.get_tracer("samvad")

    def turn(self, turn_id: str, traceparent: str | None = None) -> TurnTrace:
        """A turn's trace. `traceparent` is what came with its request; one of another trace is not believed."""
        trace_id = trace_id_of_turn(turn_id)
        sender = context_of(traceparent) if traceparent and not self._is_off else None
        if sender is None or sender.trace_id != trace_id:
            sender = SpanContext(trace_id, root_span_id(turn_id), is_remote=True, trace_flags=self._flags(trace_id))
        return TurnTrace(turn_id, TracePoint(self._tracer, sender), self._ids)

    @property
    def export_counts(self) -> list[ExportCounts]:
        """Of each target: how many spans were sent, and how many were lost."""
        return [batches.counts for batches in self._batches]

    def shut_down(self) -> None:
        """Sends what is left. Blocks for a few seconds at the most: call it in a thread or at the very end."""
        self._provider.shutdown()

    def _flags(self, trace_id: int) -> TraceFlags:
        """The same decision in every process with the same ratio: it depends on nothing but the id."""
        is_dropped = self._is_off or self._ratio.should_sample(None, trace_id, "").decision is Decision.DROP
        return TraceFlags(TraceFlags.DEFAULT if is_dropped else TraceFlags.SAMPLED)


def setup_tracing(service: str, instance_id: str, target: TraceTarget) -> Tracing:
    """A role's tracing, to everything that `target` names."""
    exporters = [to_collector(target.endpoint)] if target.endpoint else []
    exporters += [to_file(target.file)] if target.file else []
    return Tracing(resource_of(service, instance_id), [BoundedBatches(each) for each in exporters], target.ratio)


def untraced() -> Tracing:
    """Tracing that goes nowhere."""
    return Tracing(Resource.get_empty(), [])


def resource_of(service: str, instance_id: str) -> Resource:
    """Who we are. OTEL_RESOURCE_ATTRIBUTES adds to it, such as `deployment.environment.name=staging`."""
    try:
        ours = Resource({SERVICE_VERSION: version("samvad")})
    except PackageNotFoundError:  # a bare checkout
        ours = Resource.get_empty()
    return ours.merge(Resource.create({SERVICE_NAME: service, SERVICE_INSTANCE_ID: instance_id}))
