"""Ends a worker that is alive and consumes nothing: a new process joins the group afresh (K6, K7, K8).

In: looks at the consumption, each with a question to the broker, in a task of its own so that polling never waits.
Out: WorkerStuck, which ends the process with an error, for its supervisor to start it again. A broker that does not
answer is no reason: after it, too, everything has its full time to move again.
"""

import asyncio
import time
from collections.abc import Hashable, Mapping
from typing import Protocol

import structlog

from consumers.standing_still import StandingStill
from observability.health import Stuck

log = structlog.get_logger(__name__)

LOOK_SECONDS = 2.0


class WorkerStuck(Stuck):
    """The broker answers, there is work, and nothing moves. The message says what stands still."""


class Consumption(Protocol):
    """What is watched."""

    async def look(self) -> Mapping[str, Hashable] | None:
        """A sign of each thing that has work to do; None if the broker did not answer in time."""


class Watchdog:
    """Looks every two seconds."""

    def __init__(self, consumption: Consumption, stuck_seconds: float) -> None:
        self._consumption = consumption
        self._stuck_seconds = stuck_seconds
        self._standing = StandingStill(stuck_seconds)
        self._answered_at = time.monotonic()

    async def run(self, stop: asyncio.Event) -> None:
        """Watches until `stop`. Raises WorkerStuck."""
        while not stop.is_set():
            await self.look()
            if (reason := self.why_stuck()) is not None:
                log.error("worker_stuck", reason=reason)
                raise WorkerStuck(f"{reason}; this process ends, to be started again")
            try:
                async with asyncio.timeout(LOOK_SECONDS):
                    await stop.wait()
            except TimeoutError:
                continue

    async def look(self) -> None:
        """One look."""
        signs = await self._consumption.look()
        if signs is None:
            self._standing.forget()
            return
        self._answered_at = time.monotonic()
        self._standing.observe(signs, self._answered_at)

    def why_stuck(self) -> str | None:
        """For `/healthz`; any thread may ask."""
        stuck = self._standing.stuck(time.monotonic())
        return f"no progress for {self._stuck_seconds:g} s: {', '.join(stuck)}" if stuck else None

    def broker_silent_seconds(self) -> float:
        """The time since the broker last answered."""
        return time.monotonic() - self._answered_at
