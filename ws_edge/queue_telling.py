"""Tells who watches a turn that has not started where it stands: after half a second, then once a second (DESIGN 6.2).

In: unstarted turns that somebody begins to watch, and the time. Out: `queued` frames in feeds of this edge. Each edge
tells its own sessions; only what is watched and waits is looked at.
"""

import asyncio
import heapq
from collections.abc import Callable
from itertools import count

from schemas import codec
from ws_edge.clocks import Clocks
from ws_edge.hub import Hub
from ws_edge.queue_places import queued_frame
from ws_edge.turn_in_flight import TurnInFlight

FIRST_SECONDS = 0.5
"""Most turns have started by then, and nobody needs to hear that they waited."""
AGAIN_SECONDS = 1.0
LOOK_SECONDS = 0.25
MOST_AT_ONCE = 500
"""About 7 ms of the event loop, at 14 µs each: where more than 2,000 wait and are watched, they are told less often."""


class QueueTeller:
    """Knows which turns are due to be told about."""

    def __init__(self, hub: Hub, clocks: Clocks, is_ready: Callable[[], bool]) -> None:
        self._hub = hub
        self._clocks = clocks
        self._is_ready = is_ready
        self._due: list[tuple[float, int, TurnInFlight]] = []
        self._known: set[str] = set()
        self._numbers = count()

    def note(self, turn: TurnInFlight) -> None:
        """Somebody watches this turn, and it has not started."""
        if turn.turn_id not in self._known:
            self._known.add(turn.turn_id)
            self._put(turn, self._clocks.now() + FIRST_SECONDS)

    async def run(self, stop: asyncio.Event) -> None:
        """Tells until `stop`."""
        while not stop.is_set():
            if self._is_ready():
                self.tell()
            try:
                async with asyncio.timeout(LOOK_SECONDS):
                    await stop.wait()
            except TimeoutError:
                continue

    def tell(self) -> None:
        """One round, of an edge that has read what was there at its start."""
        now = self._clocks.now()
        self._hub.turns.lines.measure_from(now)
        for _ in range(MOST_AT_ONCE):
            if not self._due or self._due[0][0] > now:
                return
            _, _, turn = heapq.heappop(self._due)
            self._known.discard(turn.turn_id)
            self._tell(turn, now)

    def _tell(self, turn: TurnInFlight, now: float) -> None:
        """Whoever is told is told again; when nobody watches any more, watching begins it anew."""
        if not self._hub.is_waited_for(turn):
            return
        frame = queued_frame(turn, self._hub.turns, now)
        if frame is not None:
            self._hub.tell_watchers(turn, codec.encode(frame))
        self._known.add(turn.turn_id)
        self._put(turn, now + AGAIN_SECONDS)

    def _put(self, turn: TurnInFlight, at: float) -> None:
        heapq.heappush(self._due, (at, next(self._numbers), turn))
