"""Step 6 of a message's life: the model is asked. In: an alias and messages. Out: pieces, then one End, or a fault.

Before the first piece, a failing deployment is left for the next one and the user sees nothing of it. After it, the
next one goes on and the user is told by a `Switch` (`course.py`), unless the alias's rule forbids it. A deployment
whose gate is shut is passed over; whether the turn then waits or fails is `busyness.py`'s to say.
"""

import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from functools import partial

import structlog

from consumers.llm.busyness import Busyness
from consumers.llm.course import Course
from consumers.llm.deadlines import Deadlines
from consumers.llm.deployments import Deployment, Deployments, new_router
from consumers.llm.faults import root_cause
from consumers.llm.gated_try import gated_try
from consumers.llm.gates import Gate, Gates, Standing
from consumers.llm.gates_told import told_by_models_file
from consumers.llm.observed_try import FailedTry, observed_try
from consumers.llm.pieces import ProviderFault, Switch, Told
from consumers.llm.prefill import ask_of
from consumers.llm.provider_stream import pieces_of, warm_up
from consumers.llm.questions import Question
from observability.worker_metrics import WorkerMetrics
from schemas.models_file import ModelsFile, OnFault

log = structlog.get_logger(__name__)

DEFAULT_CONTEXT_TOKENS = 8_192
ANSWER_SHARE = 4
"""A quarter of a model's window is kept for its answer."""


class LlmDoor:
    """Asks models by alias. Holds LiteLLM's Router, and the gates that say who may be asked now."""

    def __init__(
        self, models: ModelsFile, deadlines: Deadlines | None = None, metrics: WorkerMetrics | None = None
    ) -> None:
        self._models = models
        self._metrics = metrics or WorkerMetrics()
        self._deadlines = deadlines or Deadlines()
        self._deployments = Deployments(models, new_router(models))
        self._gates = Gates()

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

    def on_takeover(self, alias: str) -> OnFault:
        """What becomes of an answer whose worker died: the alias's rule, if all of its deployments can keep it."""
        rule = self._models.on_fault_of(alias)
        if rule is OnFault.CONTINUE and not self._deployments.all_may_continue(alias):
            return OnFault.RESTART
        return rule

    def standing(self, alias: str) -> Standing:
        """When the alias's deployments or fallbacks may be asked; of an alias that nobody serves, at once."""
        return self._gates.standing(self._deployments.ids_of(alias), time.monotonic())

    async def answer(self, question: Question) -> AsyncGenerator[Told, None]:
        """Pieces, a Switch where a fault after the first piece was survived, then one End. Raises ProviderFault, and as
        EverythingBusy if it is worth while to wait.
        """
        course = Course(question, self._models.on_fault_of(question.alias))
        busyness, busy = Busyness(question.avoid), None
        before: FailedTry | None = None
        async with aclosing(self._chain(question, course, busyness)) as chain:
            async for deployment in chain:
                try:
                    async with aclosing(self._one_try(deployment, question, course, before)) as tries:
                        async for told in tries:
                            yield told
                    return
                except ProviderFault as fault:
                    before = _failed(deployment, fault)
                    busyness.broke(deployment.deployment_id, self._gate(deployment), fault)
                    if not course.broke(fault):
                        break
            else:
                busy = busyness.word(time.monotonic())
        yield course.last_word(busy)

    async def _chain(self, question: Question, course: Course, busyness: Busyness) -> AsyncGenerator[Deployment, None]:
        """Whom to ask next; who can't go on from what was said is asked once more, from the beginning."""
        limited = partial(self._wait_for_next_minute, busyness)
        async for deployment in self._deployments.in_order(question.alias, question.messages, limited):
            if busyness.is_passed_over(deployment.deployment_id, self._gate(deployment), time.monotonic()):
                continue
            self._count_fallback(question.alias, course)
            course.turn_to(deployment.alias, may_continue=deployment.may_continue)
            yield deployment
            if course.was_refused_to_go_on:
                self._count_fallback(question.alias, course)
                course.turn_to(deployment.alias, may_continue=False)
                yield deployment

    async def _one_try(
        self, deployment: Deployment, question: Question, course: Course, before: FailedTry | None
    ) -> AsyncGenerator[Told, None]:
        ask = ask_of(question.messages, course.kept, deployment.provider)
        with (
            observed_try(question, deployment, self._metrics, before) as seen,
            gated_try(self._gate(deployment), deployment.model) as gated,
        ):
            async with aclosing(pieces_of(deployment, ask, self._deadlines, gated.taken)) as pieces:
                async for piece in pieces:
                    gated.answered()
                    seen.see(piece)
                    for told in course.tell(piece):
                        self._count_switch(question.alias, told)
                        yield told

    def _wait_for_next_minute(self, busyness: Busyness, deployment_ids: list[str]) -> None:
        """A limit of the models file is as good as the provider's own: its gate is shut while it holds."""
        now = time.monotonic()
        for deployment_id in deployment_ids:
            gate = self._gates.of(deployment_id)
            if not busyness.is_passed_over(deployment_id, gate, now):
                gate.limit.refused(now, now, told_by_models_file(time.time()))
                busyness.is_passed_over(deployment_id, gate, now)
                log.warning("models_file_limits", deployment=deployment_id)

    def _gate(self, deployment: Deployment) -> Gate:
        return self._gates.of(deployment.deployment_id)

    def _count_fallback(self, alias: str, course: Course) -> None:
        if course.fault is not None:
            self._metrics.fell_back(alias, course.fault.code)

    def _count_switch(self, alias: str, told: Told) -> None:
        if isinstance(told, Switch):
            self._metrics.switched(alias, told.reason)


def _failed(deployment: Deployment, fault: ProviderFault) -> FailedTry:
    log.warning("provider_attempt_failed", model=deployment.model, error_type=fault.error_type, cause=root_cause(fault))
    return FailedTry(deployment.model, fault.error_type)
