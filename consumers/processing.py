"""The span `process chat.requests`: from taking a record until the model is about to be asked, or to the end without.

Its id follows from the attempt's number, so that whoever comes later, here or elsewhere, can link to it and hang spans
under it. That number is known once the claim is won; so the span is begun then, with the time at which it began.
It ends before the answer streams: a worker that is killed in mid-stream has sent it already (O3).
"""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager

import structlog
from opentelemetry.trace import Span, SpanKind

from consumers.claiming import Ended, Take
from consumers.taking import TakenRequest
from observability import conventions as c
from observability.tracing import Tracing
from observability.turn_trace import Attribute, TracePoint, TurnTrace, mark_failed
from schemas.topics import REQUESTS, WORKERS_GROUP, request_key


class Processing:
    """One look at a taken record, in its turn's trace. `place` is where the attempt's other spans belong."""

    def __init__(self, trace: TurnTrace, taken: TakenRequest) -> None:
        self._trace = trace
        self._taken = taken
        self._began_ns = time.time_ns()
        self._span: Span | None = None
        self.place: TracePoint = trace.sender
        self.claim_kind = ""

    @property
    def waited_seconds(self) -> float:
        """From the broker's timestamp to the start of work."""
        return max(0.0, self._began_ns / 1e9 - self._taken.produced_at_ms / 1000)

    def claimed(self, claimed: Take | Ended) -> None:
        """The claim is decided: now the span has its id, and the way to it is told."""
        self.claim_kind = kind = _kind_of(claimed)
        if not self._trace.is_sampled:
            return
        attempt = claimed.row.attempt
        attributes = _describe(self._taken, self._began_ns) | {c.ATTEMPT: attempt, c.CLAIM_KIND: kind}
        span = self._span = self._begin(claimed, attributes)
        self.place = self._trace.sender.below(span)
        told: dict[str, Attribute] = {c.ATTEMPT: attempt, c.CLAIM_KIND: kind, c.TURN: claimed.row.turn_id}
        self.place.start(c.CLAIM, attributes=told, start_ns=self._began_ns).end()

    def failed(self, error: BaseException) -> None:
        """What broke it, by kind; before the claim too."""
        mark_failed(self._begun(), type(error).__name__)

    def let_go(self) -> None:
        """Whoever gets its partition goes on with it: a turn that waits for another worker, when this one drains."""
        self._begun().set_attribute(c.OUTCOME, "let go")

    def end(self) -> None:
        if self._span is not None:
            self._span.end()

    def _begun(self) -> Span:
        """The span; without a claim there was none yet."""
        if self._span is None:
            attributes = _describe(self._taken, self._began_ns)
            self._span = self._trace.sender.start(c.PROCESS_REQUEST, SpanKind.CONSUMER, attributes, self._began_ns)
        return self._span

    def _begin(self, claimed: Take | Ended, attributes: dict[str, Attribute]) -> Span:
        if isinstance(claimed, Take):
            return self._trace.start_attempt(c.PROCESS_REQUEST, claimed.row.attempt, attributes, self._began_ns)
        # The attempt that ended the turn has its span; this one only repairs what follows from the end (O2).
        links = [self._trace.link_to(claimed.row.attempt)]
        return self._trace.sender.start(c.PROCESS_REQUEST, SpanKind.CONSUMER, attributes, self._began_ns, links)


@contextmanager
def processing(trace: TurnTrace, taken: TakenRequest) -> Iterator[Processing]:
    """The beginning of an attempt, as a span."""
    look = Processing(trace, taken)
    try:
        yield look
    except asyncio.CancelledError:
        look.let_go()
        raise
    except BaseException as error:
        look.failed(error)
        raise
    finally:
        look.end()


@contextmanager
def traced_turn(tracing: Tracing, taken: TakenRequest) -> Iterator[TurnTrace]:
    """A turn's trace; its ids go into all logs of the block."""
    trace = tracing.turn(taken.request.turn_id, taken.traceparent)
    with structlog.contextvars.bound_contextvars(trace_id=trace.trace_id, turn_id=trace.turn_id):
        yield trace


def _kind_of(claimed: Take | Ended) -> str:
    if isinstance(claimed, Ended):
        return "redelivery"
    return "first" if claimed.row.attempt == 1 else "takeover"


def _describe(taken: TakenRequest, began_ns: int) -> dict[str, Attribute]:
    request, began_ms = taken.request, began_ns // 1_000_000
    told: dict[str, Attribute] = {
        c.SYSTEM: "kafka",
        c.OPERATION: "process",
        c.OPERATION_TYPE: "process",
        c.DESTINATION: REQUESTS.name,
        c.GROUP: WORKERS_GROUP,
        c.PARTITION: str(taken.partition),
        c.OFFSET: taken.offset,
        c.MESSAGE_KEY: request_key(request.user_id, request.conversation_id),
        c.TURN: request.turn_id,
        c.USER: request.user_id,
        c.GEN_AI_CONVERSATION: request.conversation_id,
        c.MODEL_ALIAS: request.model,
        c.QUEUE_WAIT_MS: max(0, began_ms - taken.produced_at_ms),
    }
    if taken.polled_at_ms:
        told[c.LANE_WAIT_MS] = max(0, began_ms - taken.polled_at_ms)
    return told
