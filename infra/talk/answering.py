"""One answer on its way to the person: drawn while it grows, or written plainly once it is whole.

In: the handle of a turn. Out: the answer on the screen or on a stream, and the ended view. Ctrl-C asks for a stop, a
second one leaves. Raises RequestRejected, and the client's own end.
"""

import asyncio
from collections.abc import Callable
from typing import TextIO

from infra.talk.interrupts import Interrupts
from infra.talk.screen import Screen
from infra.talk.telling import Moment, Telling
from infra.talk.visible import visible
from infra.talk.wording import how_it_ended, switched
from samvad_client import SamvadClient, TurnHandle, TurnView

TICK_SECONDS = 0.25
"""How soon a lost connection or another second of waiting shows."""
FRAME_SECONDS = 0.04
REST_PER_WORK = 3
"""After a drawing that took so long, rest so many times longer: a long block must not eat a core."""


class LiveAnswer:
    """Draws a turn on a screen while it grows. `title_of` names a model alias for people."""

    def __init__(
        self, client: SamvadClient, screen: Screen, interrupts: Interrupts, title_of: Callable[[str], str]
    ) -> None:
        self._client = client
        self._screen = screen
        self._interrupts = interrupts
        self._title_of = title_of

    async def follow(self, handle: TurnHandle, *, began: float | None) -> TurnView:
        """`began` is the loop's time of the question, None where this person did not ask it just now."""
        with self._interrupts.first(stop_once(self._client, handle)):
            self._screen.live.begin()
            try:
                return await self._draw_until_end(handle, Telling(self._title_of), began)
            finally:
                self._screen.live.end()

    async def _draw_until_end(self, handle: TurnHandle, telling: Telling, began: float | None) -> TurnView:
        loop = asyncio.get_running_loop()
        view = handle.view
        while True:
            now = loop.time()
            moment = Moment(self._client.connected.is_set(), None if began is None else now - began)
            self._screen.show(telling.tell(view, moment))
            if view.has_ended:
                return view
            version = view.version
            await asyncio.sleep(max(FRAME_SECONDS, REST_PER_WORK * (loop.time() - now)))
            view = await _newer(handle, version)


class WholeAnswer:
    """Writes a turn's answer when it has ended, as it is stored: what is in a pipe could not be taken back.

    What is to say about it goes to `notes`.
    """

    def __init__(self, client: SamvadClient, interrupts: Interrupts, out: TextIO, notes: TextIO) -> None:
        self._client = client
        self._interrupts = interrupts
        self._out = out
        self._notes = notes

    async def follow(self, handle: TurnHandle, *, began: float | None = None) -> TurnView:
        with self._interrupts.first(stop_once(self._client, handle)):
            view = await handle.ended()
        answer = visible(view.answer) if self._out.isatty() else view.answer
        self._out.write(f"{answer}\n")
        self._out.flush()
        self._note(view)
        return view

    def _note(self, view: TurnView) -> None:
        lines = [*map(switched, view.switches), how_it_ended(view)]
        self._notes.write("".join(f"{line}\n" for line in lines if line))
        self._notes.flush()


def stop_once(client: SamvadClient, handle: TurnHandle) -> Callable[[], bool]:
    """What Ctrl-C does during an answer: the first asks for a stop; the second is not taken, and so leaves."""

    def stop() -> bool:
        if handle.view.stop_asked:
            return False
        client.stop_turn(handle.view)
        return True

    return stop


async def _newer(handle: TurnHandle, version: int) -> TurnView:
    """The newest view, after something changed or a moment passed."""
    try:
        async with asyncio.timeout(TICK_SECONDS):
            return await handle.newer_than(version)
    except TimeoutError:
        return handle.view
