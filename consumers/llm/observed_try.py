"""One provider attempt as it is seen: counted, and in the trace as `chat {model}`, with `first token` on the way.

`first token` is sent as soon as it is known, with all that names the attempt: a worker that is killed in mid-stream
never ends its `chat` span, and the trace still shows who was asked and how long it took to begin (O3).
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from opentelemetry.trace import Span, SpanKind

from consumers.llm.deployments import Deployment
from consumers.llm.pieces import End, Piece, ProviderFault
from consumers.llm.questions import Question
from observability import conventions as c
from observability.turn_trace import Attribute, TracePoint, mark_failed
from observability.worker_metrics import WorkerMetrics


@dataclass(frozen=True, slots=True)
class FailedTry:
    """The try before this one: whom it asked, and its `error.type`."""

    model: str
    error_type: str


@contextmanager
def observed_try(
    question: Question, deployment: Deployment, metrics: WorkerMetrics, before: FailedTry | None
) -> Iterator["ObservedTry"]:
    """Observes one try. A fault is told by its type; leaving early, as a stop does, by the outcome `left`."""
    seen = ObservedTry(question.place, deployment, metrics, _describe(question, deployment, before))
    try:
        yield seen
    except ProviderFault as fault:
        seen.failed(fault)
        raise
    finally:
        seen.close()


class ObservedTry:
    """Counts a try's pieces into its span: none of them gets a span of its own (O4)."""

    def __init__(
        self, place: TracePoint, deployment: Deployment, metrics: WorkerMetrics, attributes: dict[str, Attribute]
    ) -> None:
        self._place = place
        self._metrics = metrics
        self._alias = deployment.alias
        self._attributes = attributes
        self._began_ns = time.time_ns()
        self._span: Span = place.start(f"{c.CHAT} {deployment.model}", SpanKind.CLIENT, attributes, self._began_ns)
        self._started_at = time.monotonic()
        self._pieces = 0
        self._outcome = "left"

    def see(self, piece: Piece | End) -> None:
        if isinstance(piece, End):
            self._note_end(piece)
            return
        if self._pieces == 0:
            self._note_first()
        self._pieces += 1

    def failed(self, fault: ProviderFault) -> None:
        self._outcome = fault.code
        mark_failed(self._span, fault.error_type)

    def close(self) -> None:
        self._metrics.provider_attempt(self._alias, self._outcome)
        self._span.set_attribute(c.CHUNKS, self._pieces)
        self._span.set_attribute(c.OUTCOME, self._outcome)
        self._span.end()

    def _note_first(self) -> None:
        seconds = time.monotonic() - self._started_at
        self._metrics.first_token(self._alias, seconds)
        self._span.set_attribute(c.GEN_AI_TIME_TO_FIRST_CHUNK, seconds)
        told = self._attributes | {c.GEN_AI_TIME_TO_FIRST_CHUNK: seconds}
        self._place.start(c.FIRST_TOKEN, attributes=told, start_ns=self._began_ns).end()

    def _note_end(self, end: End) -> None:
        self._outcome = "answered"
        self._span.set_attribute(c.GEN_AI_FINISH_REASONS, [end.finish_reason])
        if end.usage is not None:
            self._span.set_attribute(c.GEN_AI_INPUT_TOKENS, end.usage.input_tokens)
            self._span.set_attribute(c.GEN_AI_OUTPUT_TOKENS, end.usage.output_tokens)


def _describe(question: Question, deployment: Deployment, before: FailedTry | None) -> dict[str, Attribute]:
    told: dict[str, Attribute] = {
        c.GEN_AI_OPERATION: "chat",
        c.GEN_AI_PROVIDER: deployment.provider,
        c.GEN_AI_REQUEST_MODEL: deployment.model,
        c.GEN_AI_STREAM: True,
        c.GEN_AI_CONVERSATION: question.conversation_id,
        c.MODEL_ALIAS: deployment.alias,
        c.DEPLOYMENT: deployment.deployment_id,
    }
    if before is not None:
        told |= {c.FALLBACK_FROM: before.model, c.FALLBACK_REASON: before.error_type}
    return told
