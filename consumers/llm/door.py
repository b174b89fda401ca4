"""Step 6 of a message's life: the model is asked. In: an alias and messages. Out: pieces, then one End, or a fault.

Before the first piece, a failing deployment is left for the next one and the user sees nothing of it. After it, the
fault is the caller's to handle.
"""

import time
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing, contextmanager

import structlog
from opentelemetry.trace import Span, SpanKind

from consumers.llm.deadlines import Deadlines
from consumers.llm.deployments import Deployment, Deployments, new_router
from consumers.llm.faults import root_cause
from consumers.llm.pieces import End, Piece, ProviderFault
from consumers.llm.provider_stream import pieces_of, warm_up
from consumers.llm.questions import Question
from observability import conventions as c
from observability.tracing import Tracing, mark_failed
from observability.worker_metrics import WorkerMetrics
from schemas.errors import ErrorCode
from schemas.models_file import ModelsFile

log = structlog.get_logger(__name__)

DEFAULT_CONTEXT_TOKENS = 8_192
ANSWER_SHARE = 4
"""A quarter of a model's window is kept for its answer."""


class LlmDoor:
    """Asks models by alias. Holds LiteLLM's Router, which learns which deployments to leave alone for a while (L4)."""

    def __init__(
        self,
        models: ModelsFile,
        tracing: Tracing,
        deadlines: Deadlines | None = None,
        metrics: WorkerMetrics | None = None,
    ) -> None:
        self._models = models
        self._tracing = tracing
        self._metrics = metrics or WorkerMetrics()
        self._deadlines = deadlines or Deadlines()
        self._deployments = Deployments(models, new_router(models))

    async def warm_up(self) -> None:
        """Has LiteLLM load what its first pick and its first call need, before a user waits for it."""
        await self._deployments.warm_up()
        await warm_up()

    def system_prompt_of(self, alias: str) -> str | None:
        """Raises KeyError for an alias that no deployment serves."""
        if alias not in self._models.names:
            raise KeyError(alias)
        return self._models.system_prompt_of(alias)

    def budget_tokens(self, alias: str) -> int:
        """How many tokens a context may have, so that every deployment of the alias takes it."""
        window = self._deployments.smallest_window(alias) or DEFAULT_CONTEXT_TOKENS
        return window - window // ANSWER_SHARE

    async def answer(self, question: Question) -> AsyncGenerator[Piece | End, None]:
        """The pieces of the first deployment that begins to answer, then its End. Raises ProviderFault."""
        fault: ProviderFault | None = None
        async for deployment in self._deployments.in_order(question.alias, question.messages):
            if fault is not None:
                self._metrics.fell_back(question.alias, fault.code)
            begun = False
            try:
                async with aclosing(self._one_try(deployment, question)) as pieces:
                    async for piece in pieces:
                        begun = True
                        yield piece
                return
            except ProviderFault as error:
                fault = error
                log.warning(
                    "provider_attempt_failed",
                    model=deployment.model,
                    error_type=error.error_type,
                    cause=root_cause(error),
                )
            if begun or not fault.try_another:
                break
        raise fault or ProviderFault(ErrorCode.PROVIDER_BUSY, "all_deployments_cool_down")

    async def _one_try(self, deployment: Deployment, question: Question) -> AsyncGenerator[Piece | End, None]:
        with self._observed(deployment, question) as observer:
            async with aclosing(pieces_of(deployment, question.messages, self._deadlines)) as pieces:
                async for piece in pieces:
                    observer.see(piece)
                    yield piece

    @contextmanager
    def _observed(self, deployment: Deployment, question: Question) -> Iterator["_TryObserver"]:
        span = self._tracing.start(
            f"{c.CHAT} {deployment.model}",
            question.traceparent,
            SpanKind.CLIENT,
            _describe(deployment, question.conversation_id),
        )
        observer = _TryObserver(span, self._metrics, deployment.alias)
        try:
            yield observer
        except ProviderFault as fault:
            mark_failed(span, fault.error_type)
            observer.outcome = fault.code
            raise
        finally:
            observer.close()


class _TryObserver:
    """Counts a try's pieces into its span: none of them gets a span of its own (O4). One that is left has no fault."""

    def __init__(self, span: Span, metrics: WorkerMetrics, alias: str) -> None:
        self.outcome = "left"
        self._span = span
        self._metrics = metrics
        self._alias = alias
        self._pieces = 0
        self._started_at = time.monotonic()

    def see(self, piece: Piece | End) -> None:
        if isinstance(piece, End):
            self._note_end(piece)
            return
        if self._pieces == 0:
            self._note_first(time.monotonic() - self._started_at)
        self._pieces += 1

    def close(self) -> None:
        self._metrics.provider_attempt(self._alias, self.outcome)
        self._span.set_attribute(c.CHUNKS, self._pieces)
        self._span.end()

    def _note_first(self, seconds: float) -> None:
        self._metrics.first_token(self._alias, seconds)
        self._span.set_attribute(c.FIRST_TOKEN_MS, round(seconds * 1000, 1))

    def _note_end(self, end: End) -> None:
        self.outcome = "answered"
        self._span.set_attribute(c.GEN_AI_FINISH_REASONS, [end.finish_reason])
        if end.usage is not None:
            self._span.set_attribute(c.GEN_AI_INPUT_TOKENS, end.usage.input_tokens)
            self._span.set_attribute(c.GEN_AI_OUTPUT_TOKENS, end.usage.output_tokens)


def _describe(deployment: Deployment, conversation_id: str) -> dict[str, str | int | float | bool]:
    return {
        c.GEN_AI_OPERATION: "chat",
        c.GEN_AI_PROVIDER: deployment.provider,
        c.GEN_AI_REQUEST_MODEL: deployment.model,
        c.GEN_AI_CONVERSATION: conversation_id,
        c.MODEL_ALIAS: deployment.alias,
        c.DEPLOYMENT: deployment.deployment_id,
    }
