"""The beginning of a turn's trace: the accepted frame, and inside it the write to `chat.requests`."""

from typing import Protocol

from opentelemetry.trace import SpanKind

from observability import conventions as c
from observability.tracing import Attribute, Tracing, traceparent_of
from schemas.requests import ChatRequest
from schemas.topics import REQUESTS


class TraceableRequests(Protocol):
    """Writes requests, with the traceparent that the worker goes on from."""

    async def ask(self, request: ChatRequest, traceparent: str | None = None) -> None:
        """Returns when the broker has it. Raises NotAttempted, OutcomeUnknown or RecordRefused."""


class TracedRequests:
    """Asks under two spans; raises what asking raises."""

    def __init__(self, requests: TraceableRequests, tracing: Tracing) -> None:
        self._requests = requests
        self._tracing = tracing

    async def ask(self, request: ChatRequest) -> None:
        """Returns when the broker has the request (G1)."""
        with self._tracing.span(c.RECEIVE_SEND, None, SpanKind.SERVER, _describe(request)) as received:
            attributes = {c.SYSTEM: "kafka", c.OPERATION: "send", c.DESTINATION: REQUESTS.name}
            parent = traceparent_of(received)
            with self._tracing.span(c.PRODUCE_REQUEST, parent, SpanKind.PRODUCER, attributes) as sent:
                await self._requests.ask(request, traceparent_of(sent))


def _describe(request: ChatRequest) -> dict[str, Attribute]:
    return {
        c.TURN: request.turn_id,
        c.USER: request.user_id,
        c.GEN_AI_CONVERSATION: request.conversation_id,
        c.MODEL_ALIAS: request.model,
    }
