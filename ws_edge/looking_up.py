"""Asks the store about a turn, once for all who wait for it, and again until they are served.

In: wishes from the hub (a hole, a silent turn) and from watching, and ends that a stop read. Out: what the store has,
told to the hub.
"""

import asyncio
import random
from collections.abc import Callable
from typing import Protocol

import structlog

from store.errors import StoreUnavailable
from store.rows import Checkpoint, TurnRow
from ws_edge.hub import Hub
from ws_edge.turns_in_flight import Stored

log = structlog.get_logger(__name__)

MAX_READS_AT_ONCE = 64
FIRST_PAUSE_SECONDS = 0.5
MAX_PAUSE_SECONDS = 5.0
"""Workers write a checkpoint every ~2 s, so one that does not reach up to the held frames is soon followed."""
LOG_FIRST_SECONDS = 1.0
"""An end is stored a moment before its frame is in the log: for so long the frame may still come first."""


class TurnRows(Protocol):
    """Rows of turns, by id. Raises StoreUnavailable."""

    async def load(self, turn_id: str) -> TurnRow | None: ...


class Checkpoints(Protocol):
    """The newest checkpoint of an open turn. Raises StoreUnavailable."""

    async def newest(self, turn_id: str) -> Checkpoint | None: ...


class TurnLookup:
    """Reads turns from the store. `close` gives up what is under way."""

    def __init__(self, rows: TurnRows, checkpoints: Checkpoints, hub: Hub, clock: Callable[[], float]) -> None:
        self._rows = rows
        self._checkpoints = checkpoints
        self._hub = hub
        self._clock = clock
        self._at_once = asyncio.Semaphore(MAX_READS_AT_ONCE)
        self._under_way: dict[str, asyncio.Task[None]] = {}
        self._foretold: dict[str, asyncio.TimerHandle] = {}

    def want(self, user_id: str, conversation_id: str, turn_id: str) -> None:
        """Looks a turn up in the background, again and again while a session waits for it."""
        if turn_id in self._under_way:
            return
        work = self._serve_once(user_id, conversation_id, turn_id)
        self._under_way[turn_id] = asyncio.create_task(work, name=f"look-up-{turn_id}")

    async def read(self, user_id: str, conversation_id: str, turn_id: str) -> Stored:
        """What the store has of a turn, if it is this user's and of this conversation. Raises StoreUnavailable."""
        async with self._at_once:
            row = await self._rows.load(turn_id)
            if row is None or (row.user_id, row.conversation_id) != (user_id, conversation_id):
                return Stored(None)
            return Stored(row, None if row.is_ended else await self._checkpoints.newest(turn_id))

    async def look(self, user_id: str, conversation_id: str, turn_id: str) -> Stored:
        """Reads a turn and tells the hub. Raises StoreUnavailable."""
        stored = await self.read(user_id, conversation_id, turn_id)
        self._hub.learn(user_id, conversation_id, turn_id, stored, self._clock())
        return stored

    def learn_end(self, row: TurnRow) -> None:
        """Tells the hub of an end that somebody read; of one that the log is about to tell, only if it does not."""
        if not self._hub.turns.is_followed(row.turn_id):
            self._tell_end(row)
        elif row.turn_id not in self._foretold:
            later = asyncio.get_running_loop().call_later(LOG_FIRST_SECONDS, self._tell_end, row)
            self._foretold[row.turn_id] = later

    async def close(self) -> None:
        """Gives up: nobody waits any more."""
        for later in self._foretold.values():
            later.cancel()
        tasks = list(self._under_way.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _tell_end(self, row: TurnRow) -> None:
        """After the log told it, this is news to nobody."""
        if (later := self._foretold.pop(row.turn_id, None)) is not None:
            later.cancel()
        self._hub.learn(row.user_id, row.conversation_id, row.turn_id, Stored(row), self._clock())

    async def _serve_once(self, user_id: str, conversation_id: str, turn_id: str) -> None:
        try:
            await self._serve(user_id, conversation_id, turn_id)
        finally:  # here, not in a callback of the task: a wish that comes in between would be lost
            del self._under_way[turn_id]

    async def _serve(self, user_id: str, conversation_id: str, turn_id: str) -> None:
        pause_seconds = FIRST_PAUSE_SECONDS
        while not await self._is_settled(user_id, conversation_id, turn_id):
            await asyncio.sleep(pause_seconds * random.uniform(0.5, 1.0))
            pause_seconds = min(MAX_PAUSE_SECONDS, pause_seconds * 1.5)
            if not self._hub.is_awaited(user_id, conversation_id, turn_id):
                return

    async def _is_settled(self, user_id: str, conversation_id: str, turn_id: str) -> bool:
        try:
            stored = await self.read(user_id, conversation_id, turn_id)
        except StoreUnavailable:
            log.warning("turn_not_looked_up", turn_id=turn_id, reason="the store is unavailable")
            return False
        return self._hub.learn(user_id, conversation_id, turn_id, stored, self._clock())
