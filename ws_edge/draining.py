"""Letting an edge go without a stampede (W8): no new sessions, a word to the open ones, closes spread over time.

In: the open sessions and how long it may take. Out: none are open, or time is up.
"""

import asyncio
import random
from collections.abc import Collection
from typing import Protocol

import structlog

from schemas.errors import CloseCode
from schemas.frames import Draining, ServerFrame
from ws_edge.closing import Close

log = structlog.get_logger(__name__)

BATCHES = 20
"""The closes are spread over half of the time in this many steps; the other half is for those that are slow to go."""


HURRIED_SECONDS = 1.0


class Drainable(Protocol):
    """An open session."""

    def say(self, frame: ServerFrame) -> None: ...
    def close(self, close: Close) -> None: ...


async def drain(sessions: Collection[Drainable], empty: asyncio.Event, seconds: float, hurry: asyncio.Event) -> None:
    """Closes every session with 1012 at a random moment of the first half, or at once when it must `hurry`.

    `empty` says that none is left.
    """
    log.info("draining", sessions=len(sessions), seconds=seconds)
    waiting = random.sample(list(sessions), len(sessions))
    for session in waiting:
        session.say(Draining(reconnect_within_ms=int(seconds * 1000)))
    per_batch = max(1, -(-len(waiting) // BATCHES))
    for first in range(0, len(waiting), per_batch):
        for session in waiting[first : first + per_batch]:
            session.close(Close(CloseCode.RESTART))
        await _set_within(hurry, seconds / 2 / BATCHES)
    if not await _set_within(empty, min(seconds / 2, HURRIED_SECONDS) if hurry.is_set() else seconds / 2):
        log.warning("drained_with_sessions_left", sessions=len(sessions))


async def _set_within(event: asyncio.Event, seconds: float) -> bool:
    """Whether it was set in time."""
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return False
    return True
