"""This worker's heartbeat, and its watch over everybody else's (DESIGN 6.3)."""

import asyncio
import time
from typing import Protocol

import structlog

from consumers.liveness import Liveness
from store.errors import StoreUnavailable

log = structlog.get_logger(__name__)


class Heartbeats(Protocol):
    """Counters of all workers; a row vanishes some time after its last beat."""

    async def beat(self, worker_id: str, counter: int) -> None: ...
    async def counters(self) -> dict[str, int]: ...
    async def leave(self, worker_id: str) -> None: ...


class Heart:
    """Beats and reads once in `interval_seconds` until told to stop; then leaves."""

    def __init__(
        self, worker_id: str, heartbeats: Heartbeats, liveness: Liveness, interval_seconds: float = 1.0
    ) -> None:
        self._worker_id = worker_id
        self._heartbeats = heartbeats
        self._liveness = liveness
        self._interval_seconds = interval_seconds
        self._counter = 0
        self._answered_at = time.monotonic()
        self.is_heard = asyncio.Event()
        """Set once the store has answered."""

    async def run(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            await self._beat_and_watch()
            try:
                async with asyncio.timeout(self._interval_seconds):
                    await stop.wait()
            except TimeoutError:
                continue

    def store_silent_seconds(self) -> float:
        """The time since the store last answered a heartbeat: a natural probe. Any thread may ask."""
        return time.monotonic() - self._answered_at

    async def leave(self) -> None:
        """Takes our counter away; the others see it gone as soon as they would see it stand still."""
        try:
            await self._heartbeats.leave(self._worker_id)
        except StoreUnavailable:
            log.info("heartbeat_left_to_expire")

    async def _beat_and_watch(self) -> None:
        self._counter += 1
        try:
            await self._heartbeats.beat(self._worker_id, self._counter)
            counters = await self._heartbeats.counters()
        except StoreUnavailable:
            return  # failed reads judge nobody
        self._answered_at = time.monotonic()
        self.is_heard.set()
        self._liveness.observe(counters, asyncio.get_running_loop().time())
