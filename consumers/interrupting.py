"""`on_busy: interrupt`, decided by the log's order: a question stops the open ones before it (DESIGN 6).

In: an interrupting question, and those before it in its lane at the moment in which its record is polled. Out: `stop`
in the row of each, as if its user had asked, and a notice to all workers: such a turn may stream at another one, which
only a rebalance parted from its record, and this worker may die before the turn ends.
"""

import asyncio
from collections.abc import Sequence

import stamina
import structlog

from consumers.claimer import Control, Turns
from consumers.patience import until_it_works
from consumers.running_turns import RunningTurns
from producers.errors import WriteError
from schemas.control import StopAsked
from schemas.requests import ChatRequest
from store.errors import StoreUnavailable
from store.stop_marks import StopTarget, mark_stop

log = structlog.get_logger(__name__)


class Interrupter:
    """Stops turns in the background: the poll loop waits for nothing (K6-K8)."""

    def __init__(self, turns: Turns, control: Control, running: RunningTurns) -> None:
        self._turns = turns
        self._control = control
        self._running = running
        self._tasks: set[asyncio.Task[None]] = set()

    def begin(self, request: ChatRequest, earlier: Sequence[ChatRequest]) -> None:
        """Begins to stop the `earlier` ones, unless `request` has had its turn."""
        task = asyncio.create_task(self._interrupt(request, earlier), name=f"interrupt-{request.turn_id}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Leaves the rest to whoever gets the record: it is polled again, for its turn can't have ended."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _interrupt(self, request: ChatRequest, earlier: Sequence[ChatRequest]) -> None:
        try:
            if not await self._has_had_its_turn(request):
                await asyncio.gather(*map(self._stop, earlier))
                log.info("turns_interrupted", turn_id=request.turn_id, turns=len(earlier))
        except Exception:  # the edge of a task that nobody awaits; the turns end without being interrupted
            log.exception("interrupting_broke", turn_id=request.turn_id)

    async def _has_had_its_turn(self, request: ChatRequest) -> bool:
        """True for a record that comes twice, as when its `send` was repeated: what is before it now came after it.

        A lane keeps its order, so whatever was really before it had ended when it was first claimed.
        """
        row = await until_it_works(self._turns.load, request.turn_id)
        return row is not None and (row.attempt > 0 or row.is_ended)

    async def _stop(self, request: ChatRequest) -> None:
        """At once where it runs here; for sure, and everywhere, once the row says so."""
        self._running.stop(request.turn_id)
        target = StopTarget(request.user_id, request.turn_id, request.conversation_id)
        trouble = (StoreUnavailable, WriteError)
        async for attempt in stamina.retry_context(trouble, attempts=None, timeout=None, wait_initial=0.1, wait_max=5):
            with attempt:
                row = await mark_stop(self._turns, target)
                if row is not None and not row.is_ended:
                    await self._control.notify(StopAsked(turn_id=request.turn_id))
