"""A turn, from the record to its end, as a sentence: claim, read the past, start, ask, stream, conclude, follow up.

Only `answer` decides whether a turn is done with here; everything below it works on values (`outcomes`).
"""

import asyncio
from dataclasses import dataclass

import structlog

from consumers.attempt import Attempt
from consumers.beginning import Beginner
from consumers.claiming import Ended
from consumers.endings import NO_USAGE
from consumers.finishing import Finisher, bill_of
from consumers.legs import Legs
from consumers.llm.pieces import ProviderFault
from consumers.outcome_span import outcome_told
from consumers.outcomes import Ending, Fenced, Outcome, Released
from consumers.processing import processing, traced_turn
from consumers.running_turns import Interruption, RunningTurn, RunningTurns
from consumers.slot import Slot
from consumers.streaming import Checkpoints, Door, outcome_of, save_text, stream_answer
from consumers.taking import TakenRequest
from consumers.waiting_turns import Visit, WaitingTurns
from observability import conventions as c
from observability.tracing import Tracing
from observability.turn_trace import TurnTrace
from observability.worker_metrics import WorkerMetrics
from schemas.parts import Usage
from store.rows import TurnRow, total_of

log = structlog.get_logger(__name__)

PAUSE_AFTER_A_BUG_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Steps:
    """The parts that the sentence is made of."""

    beginner: Beginner
    finisher: Finisher
    door: Door
    waiting: WaitingTurns
    checkpoints: Checkpoints
    running: RunningTurns
    tracing: Tracing
    turn_seconds: float
    metrics: WorkerMetrics


class Answering:
    """Answers requests, one call for each record."""

    def __init__(self, steps: Steps) -> None:
        self._steps = steps

    async def answer(self, taken: TakenRequest, slot: Slot) -> bool:
        """True when the turn's row is ended, so that the offset may be committed; False when it was given back."""
        request = taken.request
        turn = RunningTurn(request.turn_id, request.user_id, request.conversation_id, slot=slot)
        await self._wait_for_the_same_turn(turn.turn_id)
        self._steps.running.begin(turn)
        try:
            while True:
                ended = await self._one_attempt(taken, turn)
                if ended:
                    return True
                if turn.interruption is Interruption.RELEASED:
                    # Of an attempt that broke it is not known what it had cost by then.
                    await self._let_go(turn, None if turn.provider_called else NO_USAGE)
                    return False
                turn.forget_interruption()
        finally:
            self._steps.running.end(turn)

    async def _wait_for_the_same_turn(self, turn_id: str) -> None:
        """A redelivered turn that this very process runs is attached to, not run again."""
        while (same := self._steps.running.get(turn_id)) is not None:
            await same.done.wait()

    async def _one_attempt(self, taken: TakenRequest, turn: RunningTurn) -> bool:
        with traced_turn(self._steps.tracing, taken) as trace:
            try:
                return await self._claim_and_carry_out(taken, turn, trace)
            except Exception:  # the edge of a turn: a bug ends this attempt, and the next one reports it
                log.exception("attempt_broke")
                turn.broken_attempts += 1
                self._steps.metrics.given_up("broken")
        await asyncio.sleep(PAUSE_AFTER_A_BUG_SECONDS)
        return False

    async def _claim_and_carry_out(self, taken: TakenRequest, turn: RunningTurn, trace: TurnTrace) -> bool:
        with processing(trace, taken) as look:
            begun = await self._steps.beginner.begin(taken, turn, look)
            self._steps.metrics.claimed(look.claim_kind, look.waited_seconds)
            if isinstance(begun, Ended):
                self._steps.beginner.forget(begun.row)
                await self._steps.finisher.follow_up(begun.row)
                return True
            visit = self._steps.waiting.visit(begun)
            must_wait = self._steps.beginner.ending_without_the_model(begun) is None and visit.must_wait
            if not must_wait:
                await self._steps.beginner.start(begun)
        if must_wait:
            await self._wait_and_start(begun, visit)
        outcome = await self._why_not_to_ask(begun)
        return await self._conclude(begun, outcome or await self._stream(begun, visit))

    async def _wait_and_start(self, attempt: Attempt, visit: Visit) -> None:
        """Until a provider may be asked `started` would promise too much: the user is told `queued`."""
        try:
            await visit.before_asking()
        except ProviderFault as fault:
            attempt.cannot_be_answered = fault.code
        await self._steps.beginner.start(attempt)

    async def _stream(self, attempt: Attempt, visit: Visit) -> Outcome:
        self._steps.beginner.go_on_from_earlier_text(attempt)
        attempt.asked = attempt.running.provider_called = True
        attempt.legs = Legs(attempt.input_tokens, attempt.kept)
        steps = self._steps
        return await stream_answer(attempt, steps.door, visit, steps.checkpoints, steps.turn_seconds)

    async def _why_not_to_ask(self, attempt: Attempt) -> Outcome | None:
        """An attempt that is only there to end the turn shows the text of the one before it first."""
        interruption = attempt.running.interruption
        ending = self._steps.beginner.ending_without_the_model(attempt)
        outcome = ending or (outcome_of(interruption) if interruption else None)
        if isinstance(outcome, Ending):
            await self._steps.beginner.show_earlier_text(attempt)
        return outcome

    async def _conclude(self, attempt: Attempt, outcome: Outcome) -> bool:
        with outcome_told(attempt, outcome) as span:
            if isinstance(outcome, Fenced):
                self._steps.metrics.given_up("fenced")
                return False
            if isinstance(outcome, Released):
                self._steps.metrics.given_up("released")
                await self._give_back(attempt, outcome)
                return False
            is_ended = await self._finish(attempt, outcome)
            if not is_ended:
                self._steps.metrics.given_up("fenced")
                span.set_attribute(c.OUTCOME, "fenced")
            return is_ended

    async def _finish(self, attempt: Attempt, ending: Ending) -> bool:
        await attempt.frames.published_and_acknowledged()
        ended = await self._steps.finisher.conclude(attempt, ending)
        if ended is None:
            return False
        self._count(ended)
        title = await self._steps.finisher.follow_up(ended, self._steps.beginner.known_title(ended))
        self._steps.beginner.remember(attempt, ended, title)
        return True

    def _count(self, ended: TurnRow) -> None:
        assert ended.finish is not None
        finish, usage = ended.finish, total_of(ended.usage_by_attempt)
        self._steps.metrics.turn_ended(str(finish.status), finish.code)
        self._steps.metrics.spent(finish.model, usage.input_tokens, usage.output_tokens)

    async def _give_back(self, attempt: Attempt, outcome: Released) -> None:
        await attempt.frames.published_and_acknowledged()
        if attempt.asked:
            await save_text(attempt, self._steps.checkpoints)
        await self._let_go(attempt.running, bill_of(attempt, outcome))

    async def _let_go(self, turn: RunningTurn, usage: Usage | None) -> None:
        """Gives a claim back once, whether its attempt was interrupted or broke before that."""
        held, turn.held = turn.held, None
        if held is not None:
            await self._steps.finisher.give_back(held, usage)
