"""A trace as Jaeger's query API gives it: which span of which process, below which other, linked to which.

In: the API's address and a trace id. Out: the spans, oldest first.
"""

import urllib.error
from dataclasses import dataclass
from typing import Any

import msgspec

from infra.direct_http import open_directly

TIMEOUT_SECONDS = 10.0
FOLLOWS_FROM = "FOLLOWS_FROM"


class JaegerUnavailable(Exception):
    """Jaeger's query API did not answer as one; the text says what to do."""


class _Tag(msgspec.Struct):
    key: str
    value: Any


class _Reference(msgspec.Struct):
    refType: str
    spanID: str


class _Span(msgspec.Struct):
    spanID: str
    operationName: str
    references: list[_Reference]
    startTime: int
    duration: int
    tags: list[_Tag]
    processID: str


class _Process(msgspec.Struct):
    serviceName: str
    tags: list[_Tag] = []


class _Trace(msgspec.Struct):
    spans: list[_Span]
    processes: dict[str, _Process]


class _Answer(msgspec.Struct):
    data: list[_Trace] | None = None


@dataclass(frozen=True, slots=True)
class SeenSpan:
    """One span. Times in microseconds, the start since 1970; `links` are the ids of spans that it goes on from."""

    span_id: str
    parent_id: str | None
    name: str
    start_us: int
    duration_us: int
    tags: dict[str, Any]
    service: str
    instance: str
    links: tuple[str, ...]


def trace_in_jaeger(query_url: str, trace_id: str) -> list[SeenSpan]:
    """The trace's spans; none if Jaeger has no such trace. Raises JaegerUnavailable."""
    answer = raw_trace(query_url, trace_id)
    try:
        return spans_in(answer)
    except (ValueError, msgspec.DecodeError) as error:
        raise _no_jaeger(query_url) from error


def raw_trace(query_url: str, trace_id: str) -> bytes:
    """Jaeger's answer, all of it; an empty object if it has no such trace. Raises JaegerUnavailable."""
    try:
        with open_directly(f"{query_url.rstrip('/')}/api/traces/{trace_id}", TIMEOUT_SECONDS) as answer:
            return answer.read()
    except urllib.error.HTTPError as error:
        if error.code == 404:
            return b"{}"
        raise JaegerUnavailable(f"Jaeger at {query_url} answered {error.code}") from error
    except (OSError, ValueError) as error:
        raise _no_jaeger(query_url) from error


def _no_jaeger(query_url: str) -> JaegerUnavailable:
    return JaegerUnavailable(f"no Jaeger answers at {query_url}: name its query API with --jaeger")


def spans_in(answer: bytes) -> list[SeenSpan]:
    """The spans of an answer of `/api/traces/ID`."""
    traces = msgspec.json.decode(answer, type=_Answer).data or []
    spans = [_seen(span, trace.processes[span.processID]) for trace in traces for span in trace.spans]
    return sorted(spans, key=lambda span: span.start_us)


def _seen(span: _Span, process: _Process) -> SeenSpan:
    parents = [reference.spanID for reference in span.references if reference.refType != FOLLOWS_FROM]
    return SeenSpan(
        span_id=span.spanID,
        parent_id=parents[0] if parents else None,
        name=span.operationName,
        start_us=span.startTime,
        duration_us=span.duration,
        tags={tag.key: tag.value for tag in span.tags},
        service=process.serviceName,
        instance=next((str(tag.value) for tag in process.tags if tag.key == "service.instance.id"), ""),
        links=tuple(reference.spanID for reference in span.references if reference.refType == FOLLOWS_FROM),
    )
