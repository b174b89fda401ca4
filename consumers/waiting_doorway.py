"""The waiting room of one model alias with its clock: lets visitors go when they are due, and tells the others.

In: visitors, and how the alias's deployments stand. Out: `wait` returns when its visitor may ask.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

from consumers.llm.gates import Standing
from consumers.waiting_notices import SECONDS_BETWEEN, Notices
from consumers.waiting_room import WaitingRoom

LONGEST_NAP_SECONDS = 30.0
TIMER_SLACK_SECONDS = 0.001
"""Event loops may wake up so much too early."""


@dataclass(eq=False, slots=True)
class Visitor:
    """One attempt that waits, or did. `was_let_go`: if it has to wait again, it is the next."""

    user_id: str
    notices: Notices
    may_go: asyncio.Future[None] | None = None
    was_let_go: bool = False

    def let_go(self) -> None:
        """A visitor that was cancelled in this very moment is on its way out already."""
        if self.may_go is not None and not self.may_go.done():
            self.may_go.set_result(None)
            self.was_let_go = True


class Doorway:
    """One alias's; `standing` looks at its gates."""

    def __init__(self, standing: Callable[[], Standing]) -> None:
        self._standing = standing
        self._room: WaitingRoom[Visitor] = WaitingRoom()
        self._letting_go: asyncio.TimerHandle | None = None
        self._telling: asyncio.TimerHandle | None = None

    def is_passed(self) -> bool:
        """Whether a newcomer may ask without waiting."""
        return self._room.is_passed(self._standing())

    def serve(self, user_id: str) -> None:
        """Somebody was answered without having waited here."""
        self._room.serve(user_id)

    async def wait(self, visitor: Visitor) -> None:
        """Until the visitor may ask."""
        visitor.may_go = asyncio.get_running_loop().create_future()
        self._room.enter(visitor.user_id, visitor, is_back=visitor.was_let_go)
        visitor.was_let_go = False
        self.look()
        try:
            if not visitor.may_go.done():
                self._tell()
            await visitor.may_go
        finally:
            self._room.leave(visitor.user_id, visitor)

    def look(self) -> None:
        """Lets go who is due, and looks again when the next one is."""
        _cancel(self._letting_go)
        now = time.monotonic()
        while (visitor := self._room.let_go(self._standing(), now)) is not None:
            visitor.let_go()
        if self._room:
            seconds = min(LONGEST_NAP_SECONDS, self._room.due_in(self._standing(), now) + TIMER_SLACK_SECONDS)
            self._letting_go = asyncio.get_running_loop().call_later(seconds, self.look)

    def _tell(self) -> None:
        _cancel(self._telling)
        standing, now = self._standing(), time.monotonic()
        for visitor, position, eta_ms in self._room.outlook(standing):
            visitor.notices.tell(position, eta_ms, standing.reason, now)
        if self._room:
            self._telling = asyncio.get_running_loop().call_later(SECONDS_BETWEEN, self._tell)


def _cancel(timer: asyncio.TimerHandle | None) -> None:
    if timer is not None:
        timer.cancel()
