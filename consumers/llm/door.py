"""Step 6 of a message's life: the model is asked. In: an alias and messages. Out: pieces, then one End, or a fault.

Before the first piece, a failing deployment is left for the next one and the user sees nothing of it. After it, the
fault is the caller's to handle.
"""

from collections.abc import AsyncGenerator
from contextlib import aclosing

import structlog

from consumers.llm.deadlines import Deadlines
from consumers.llm.deployments import Deployment, Deployments, new_router
from consumers.llm.faults import root_cause
from consumers.llm.observed_try import FailedTry, observed_try
from consumers.llm.pieces import End, Piece, ProviderFault
from consumers.llm.provider_stream import pieces_of, warm_up
from consumers.llm.questions import Question
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
        self, models: ModelsFile, deadlines: Deadlines | None = None, metrics: WorkerMetrics | None = None
    ) -> None:
        self._models = models
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
        before: FailedTry | None = None
        async for deployment in self._deployments.in_order(question.alias, question.messages):
            if fault is not None:
                self._metrics.fell_back(question.alias, fault.code)
            begun = False
            try:
                async with aclosing(self._one_try(deployment, question, before)) as pieces:
                    async for piece in pieces:
                        begun = True
                        yield piece
                return
            except ProviderFault as error:
                fault, before = error, FailedTry(deployment.model, error.error_type)
                log.warning(
                    "provider_attempt_failed",
                    model=deployment.model,
                    error_type=error.error_type,
                    cause=root_cause(error),
                )
            if begun or not fault.try_another:
                break
        raise fault or ProviderFault(ErrorCode.PROVIDER_BUSY, "all_deployments_cool_down")

    async def _one_try(
        self, deployment: Deployment, question: Question, before: FailedTry | None
    ) -> AsyncGenerator[Piece | End, None]:
        with observed_try(question, deployment, self._metrics, before) as seen:
            async with aclosing(pieces_of(deployment, question.messages, self._deadlines)) as pieces:
                async for piece in pieces:
                    seen.see(piece)
                    yield piece
