"""What is done now and then: `asked` repeated, silent and unstarted turns looked up, old ones forgotten (DESIGN 6).

In: the turns in flight and the time. Out: records, look-ups, and memory given back.
"""

import asyncio

from schemas import codec
from schemas.frames import Asked
from ws_edge.announcing import Announcer
from ws_edge.clocks import Clocks
from ws_edge.hub import Hub
from ws_edge.looking_up import TurnLookup
from ws_edge.turn_in_flight import TurnInFlight

SWEEP_SECONDS = 5.0


class Sweeper:
    """Keeps the turns in flight tidy."""

    def __init__(self, hub: Hub, lookup: TurnLookup, announcer: Announcer, clocks: Clocks) -> None:
        self._hub = hub
        self._lookup = lookup
        self._announcer = announcer
        self._clocks = clocks

    async def run(self, stop: asyncio.Event) -> None:
        """Sweeps until `stop`."""
        while not stop.is_set():
            self.sweep()
            try:
                async with asyncio.timeout(SWEEP_SECONDS):
                    await stop.wait()
            except TimeoutError:
                continue

    def sweep(self) -> None:
        """One round."""
        now, turns = self._clocks.now(), self._hub.turns
        for turn, raw in turns.due_asked(now):
            asked = codec.decode_turn_frame(raw)
            if isinstance(asked, Asked):
                self._announcer.announce(turn.user_id, asked)
            self._doubt(turn)  # all that came after `asked` may have been missed here
        for turn in turns.silent(now):
            self._doubt(turn)
        turns.forget(now)

    def _doubt(self, turn: TurnInFlight) -> None:
        """A look at the store, if anybody would see the difference."""
        if self._hub.is_watched(turn):
            self._lookup.want(turn.user_id, turn.conversation_id, turn.turn_id)
