"""The beginning of a turn's trace: the accepted frame, and inside it the write to `chat.requests`."""

from typing import Protocol

from opentelemetry.trace import SpanKind

from observability import conventions as c
from observability.tracing import Tracing
from observability.turn_trace import Attribute, spanning
from schemas.requests import ChatRequest
from schemas.topics import REQUESTS, request_key


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
        trace = self._tracing.turn(request.turn_id)
        with spanning(trace.start_root(c.RECEIVE_SEND, _describe(request))):
            sending = trace.root().start(c.PRODUCE_REQUEST, SpanKind.PRODUCER, _describe_record(request))
            with spanning(sending):
                await self._requests.ask(request, trace.root().below(sending).traceparent)


def _describe(request: ChatRequest) -> dict[str, Attribute]:
    return {
        c.TURN: request.turn_id,
        c.USER: request.user_id,
        c.GEN_AI_CONVERSATION: request.conversation_id,
        c.MODEL_ALIAS: request.model,
    }


def _describe_record(request: ChatRequest) -> dict[str, Attribute]:
    return {
        c.SYSTEM: "kafka",
        c.OPERATION: "send",
        c.OPERATION_TYPE: "send",
        c.DESTINATION: REQUESTS.name,
        c.MESSAGE_KEY: request_key(request.user_id, request.conversation_id),
        c.TURN: request.turn_id,
    }
