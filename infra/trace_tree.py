"""A trace as text: one line a span, below its parent, with when it began, how long it took and what matters. Pure."""

from collections.abc import Iterator, Sequence

from infra.jaeger_query import SeenSpan
from observability import conventions as c

TOLD = {
    c.ATTEMPT: "attempt",
    c.CLAIM_KIND: "claim",
    c.PARTITION: "partition",
    c.QUEUE_WAIT_MS: "waited ms",
    c.CONTEXT_SOURCE: "from",
    c.CONTEXT_MESSAGES: "messages",
    c.GEN_AI_REQUEST_MODEL: "model",
    c.GEN_AI_TIME_TO_FIRST_CHUNK: "first chunk s",
    c.FALLBACK_REASON: "after",
    c.FRAME_KIND: "frame",
    c.SEQ: "seq",
    c.RESUME_WITH: "with",
    c.RESUME_SOURCE: "from",
    c.OUTCOME: "outcome",
    c.ERROR_TYPE: "error",
}
"""The attributes that a person looks for first, and their short names."""
INSTANCE_LETTERS = 8


def tree(spans: Sequence[SeenSpan]) -> Iterator[str]:
    """The lines. A span whose parent was lost stands at the left."""
    known = {span.span_id for span in spans}
    roots = [span for span in spans if span.parent_id not in known]
    began_us = min((span.start_us for span in spans), default=0)
    for root in roots:
        yield from _branch(root, spans, began_us, depth=0)


def _branch(span: SeenSpan, spans: Sequence[SeenSpan], began_us: int, depth: int) -> Iterator[str]:
    yield _line(span, spans, began_us, depth)
    for child in spans:
        if child.parent_id == span.span_id and child is not span:
            yield from _branch(child, spans, began_us, depth + 1)


def _line(span: SeenSpan, spans: Sequence[SeenSpan], began_us: int, depth: int) -> str:
    since_ms, took_ms = (span.start_us - began_us) / 1000, span.duration_us / 1000
    told = [f"{name}={_short(span.tags[key])}" for key, name in TOLD.items() if key in span.tags]
    links = [f"linked to attempt {_attempt_of(link, spans)}" for link in span.links]
    where = f"{span.service} {span.instance[:INSTANCE_LETTERS]}"
    name = "  " * depth + span.name
    return f"{since_ms:>9.1f} ms {took_ms:>9.1f} ms  {name:<42} {where:<24} {', '.join([*told, *links])}".rstrip()


def _short(value: object) -> str:
    return f"{value:.3f}" if isinstance(value, float) else str(value)


def _attempt_of(span_id: str, spans: Sequence[SeenSpan]) -> object:
    return next((span.tags.get(c.ATTEMPT) for span in spans if span.span_id == span_id), "that was lost")
