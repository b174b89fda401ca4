"""Waiting instead of failing: turns whose providers take no more right now (DESIGN 6.2, 6.5).

In: an attempt that wants to ask, or was told EverythingBusy. Out: the moment at which it may ask (again). Meanwhile it
keeps its claim, lends its running slot, and its user is told. Cancelling it at any moment is safe.

Whoever comes while others wait for the same alias waits behind them, user by user (`waiting_room.py`). Alone waits who
may not ask all of the chain again, because some of it failed for this turn: the line's pace is not its own.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

from consumers.attempt import Attempt
from consumers.llm.gates import Reason, Standing
from consumers.llm.pieces import EverythingBusy, ProviderFault
from consumers.waiting_doorway import Doorway, Visitor
from consumers.waiting_notices import LONGEST_SILENCE_SECONDS, Notices, Publish
from observability.worker_metrics import WorkerMetrics
from schemas.errors import ErrorCode

SHORTEST_NAP_SECONDS = 0.05


class Gated(Protocol):
    """Knows when an alias's deployments may be asked; of one that it does not know, at once."""

    def standing(self, alias: str) -> Standing: ...


@dataclass(frozen=True, slots=True)
class WaitingParts:
    """`provider_down_seconds`: how long a turn waits while no provider of its chain works at all, before it fails."""

    door: Gated
    publish: Publish
    metrics: WorkerMetrics
    turn_seconds: float
    provider_down_seconds: float


class WaitingTurns:
    """All waiting turns of a worker."""

    def __init__(self, parts: WaitingParts) -> None:
        self._parts = parts
        self._doorways: dict[str, Doorway] = {}

    def visit(self, attempt: Attempt) -> "Visit":
        """For one attempt, however often it has to wait."""
        return Visit(self, self._parts, attempt)

    def doorway(self, alias: str) -> Doorway:
        if alias not in self._doorways:
            self._doorways[alias] = Doorway(partial(self._parts.door.standing, alias))
        return self._doorways[alias]

    def must_wait(self, alias: str) -> bool:
        """Whether others wait already, or nobody of the chain may be asked."""
        doorway = self._doorways.get(alias)
        return not doorway.is_passed() if doorway else self._parts.door.standing(alias).wait_seconds > 0

    def look(self) -> None:
        """A gate may have changed: somebody was answered or refused."""
        for doorway in self._doorways.values():
            doorway.look()


class Visit:
    """One attempt before the door."""

    def __init__(self, waiting: WaitingTurns, parts: WaitingParts, attempt: Attempt) -> None:
        self._waiting = waiting
        self._parts = parts
        self._attempt = attempt
        self._alias = attempt.request.model
        self._notices = Notices(parts.publish, attempt.row)
        self._visitor = Visitor(attempt.row.user_id, self._notices)

    @property
    def must_wait(self) -> bool:
        return self._waiting.must_wait(self._alias)

    async def before_asking(self) -> None:
        """Until it may ask for the first time, or is interrupted. Raises ProviderFault when there is no sense in it."""
        waiting = asyncio.create_task(self._in_line())
        try:
            enough: set[asyncio.Future[Any]] = {waiting, self._attempt.running.interrupted}
            done, _ = await asyncio.wait(enough, timeout=self._seconds_left, return_when=asyncio.FIRST_COMPLETED)
            if not done:
                raise ProviderFault(ErrorCode.PROVIDER_BUSY, "waited_too_long")
            if waiting in done:
                waiting.result()
        finally:
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)

    async def after(self, busy: EverythingBusy) -> None:
        """Until it may ask again. Raises ProviderFault when there is no sense in it."""
        await (self._alone(busy) if busy.failed else self._in_line())

    def answered(self) -> None:
        """A provider took it: that counts for its user, and may concern who waits."""
        if not self._visitor.was_let_go:
            self._waiting.doorway(self._alias).serve(self._visitor.user_id)
        self._waiting.look()

    def look(self) -> None:
        """It was refused, or has left: that may concern who waits."""
        self._waiting.look()

    async def _in_line(self) -> None:
        async with self._waits(self._standing.reason):
            self._check_sense(self._standing.wait_seconds)
            while not await self._let_go_in_time():
                if self._standing.reason == "provider_down":
                    raise ProviderFault(ErrorCode.PROVIDER_FAILED, "circuit_open")

    async def _let_go_in_time(self) -> bool:
        """False: all circuits were open for as long as anybody should wait for that."""
        is_down = self._standing.reason == "provider_down"
        try:
            async with asyncio.timeout(self._parts.provider_down_seconds if is_down else None):
                await self._waiting.doorway(self._alias).wait(self._visitor)
        except TimeoutError:
            return False
        return True

    async def _alone(self, busy: EverythingBusy) -> None:
        self._check_sense(busy.retry_after_seconds)
        async with self._waits("rate_limited"):
            now = time.monotonic()
            until = now + max(SHORTEST_NAP_SECONDS, busy.retry_after_seconds)
            while now < until:
                self._notices.tell(1, int((until - now) * 1_000), "rate_limited", now)
                await asyncio.sleep(min(until - now, LONGEST_SILENCE_SECONDS))
                now = time.monotonic()

    @asynccontextmanager
    async def _waits(self, reason: Reason) -> AsyncIterator[None]:
        began_at = time.monotonic()
        async with self._attempt.running.waiting_for_provider():
            yield
        self._parts.metrics.waited_for_provider(self._alias, reason, time.monotonic() - began_at)

    def _check_sense(self, wait_seconds: float) -> None:
        if wait_seconds > self._seconds_left:
            raise ProviderFault(ErrorCode.PROVIDER_BUSY, "busy_beyond_the_deadline")

    @property
    def _standing(self) -> Standing:
        return self._parts.door.standing(self._alias)

    @property
    def _seconds_left(self) -> float:
        return self._attempt.seconds_left(self._parts.turn_seconds)
