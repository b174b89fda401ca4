"""The shell around `claiming`: reads and writes the turn's row until a decision stands."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from typing import Protocol

import structlog

from consumers.claiming import Claimant, Decision, Ended, HeldByAnother, Take, decide, is_mine
from consumers.patience import until_it_works
from producers.errors import WriteError
from schemas.control import AnyNotice, TurnTaken
from schemas.ids import new_id, new_message_id
from schemas.requests import ChatRequest
from store.rows import TurnRow

log = structlog.get_logger(__name__)

LOOK_AGAIN_SECONDS = 1.0

Waiting = Callable[[], AbstractAsyncContextManager[None]]
"""What surrounds a wait for another worker."""
Pause = Callable[[float], Awaitable[None]]
"""A pause of so many seconds, or shorter when something is heard of the turn."""


class Turns(Protocol):
    """The turns' rows. `compare_and_set` gives None when it wrote, else the row as it is."""

    async def load(self, turn_id: str) -> TurnRow | None: ...
    async def compare_and_set(self, row: TurnRow, expected_version: int | None) -> TurnRow | None: ...


class Control(Protocol):
    """Tells the other workers."""

    async def notify(self, notice: AnyNotice) -> None: ...


@dataclass(frozen=True, slots=True)
class ClaimerSettings:
    """Who claims, and how long a turn may take from its first claim."""

    worker_id: str
    turn_seconds: float


class Claimer:
    """Wins the right to write a turn's answer, or learns that it has ended."""

    def __init__(
        self, settings: ClaimerSettings, turns: Turns, control: Control, is_dead: Callable[[str], bool]
    ) -> None:
        self._settings = settings
        self._turns = turns
        self._control = control
        self._is_dead = is_dead

    async def claim(self, request: ChatRequest, waiting: Waiting, pause: Pause = asyncio.sleep) -> Take | Ended:
        """Waits, inside `waiting()`, while a live worker holds the turn. The given Take is written; announce it."""
        row: TurnRow | None = None
        while True:
            decision = await self._decide_and_write(row, request)
            if not isinstance(decision, HeldByAnother):
                return decision
            async with waiting():
                row = await self._once_it_is_free(request, pause)

    async def _once_it_is_free(self, request: ChatRequest, pause: Pause) -> TurnRow | None:
        """The row, once the turn has ended or might be claimed."""
        while True:
            await pause(LOOK_AGAIN_SECONDS)
            row = await until_it_works(self._turns.load, request.turn_id)
            if not isinstance(decide(row, request, self._new_claimant()), HeldByAnother):
                return row

    async def _decide_and_write(self, row: TurnRow | None, request: ChatRequest) -> Decision:
        claimant = self._new_claimant()
        while True:
            decision = decide(row, request, claimant)
            if not isinstance(decision, Take):
                return decision
            stored = await until_it_works(self._turns.compare_and_set, decision.row, decision.expected_version)
            if stored is None:
                return decision
            # Refused but showing our nonce: an earlier try of ours was written although it timed out.
            if is_mine(stored, decision.row):
                return replace(decision, row=stored)
            row = stored

    async def announce(self, row: TurnRow) -> None:
        """Tells the others of a takeover, so that whoever runs a lower attempt falls silent."""
        if row.attempt == 1:
            return
        log.info("turn_taken_over", attempt=row.attempt)
        try:
            await self._control.notify(TurnTaken(turn_id=row.turn_id, attempt=row.attempt))
        except WriteError as error:
            log.warning("takeover_not_announced", reason=str(error))

    def _new_claimant(self) -> Claimant:
        return Claimant(
            worker_id=self._settings.worker_id,
            nonce=new_id(),
            question_id=new_message_id(),
            answer_id=new_message_id(),
            now_ms=int(time.time() * 1000),
            turn_seconds=self._settings.turn_seconds,
            is_dead=self._is_dead,
        )
