"""One turn as a program follows it: wait for news, for the end, or ask for a stop.

In: the client's state, and a bell that rings when the conversation changed. Out: the newest `TurnView`, never a queue.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Protocol

from samvad_client.errors import RequestRejected, SamvadError
from samvad_client.turn_view import TurnView


class Bell:
    """Rings for everybody who waits at that moment; who comes later compares versions first."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def ring(self) -> None:
        self._event.set()
        self._event = asyncio.Event()

    async def rung(self) -> None:
        await self._event.wait()


class FollowedClient(Protocol):
    """What a handle needs of its client."""

    @property
    def failure(self) -> SamvadError | None:
        """Why the client ended, if it did."""

    def stop_turn(self, turn: TurnView) -> None:
        """Asks the edge for a stop."""


class TurnHandle:
    """A turn that was asked for or watched.

    `async for view in handle` gives the view whenever it changed, always the newest, up to the ended one. Views are
    live: they go on changing. Raises RequestRejected if the edge did not accept the question, and the client's own
    end (SignInAgain, SessionRefused, ClientClosed) if that comes first.
    """

    def __init__(self, client: FollowedClient, bell: Bell, find: Callable[[], TurnView]) -> None:
        self._client = client
        self._bell = bell
        self._find = find

    @property
    def view(self) -> TurnView:
        """The turn as it stands. Frames may give it another object until `accepted` came."""
        return self._find()

    async def __aiter__(self) -> AsyncIterator[TurnView]:
        view = self._checked()
        yield view
        while not view.has_ended:
            view = await self.newer_than(view.version)
            yield view

    async def newer_than(self, version: int) -> TurnView:
        """The view as soon as its `version` is not this one any more."""
        while (view := self._checked()).version == version and not view.has_ended:
            await self._bell.rung()
        return view

    async def ended(self) -> TurnView:
        """The view of the ended turn, which changes no more."""
        while not (view := self._checked()).has_ended:
            await self._bell.rung()
        return view

    async def stop(self) -> None:
        """Asks for a stop, now and after every reconnect until the turn has ended; `ended()` tells how."""
        self._client.stop_turn(self._checked())

    def _checked(self) -> TurnView:
        view = self._find()
        if (rejected := view.rejection) is not None:
            raise RequestRejected(
                rejected.code, rejected.text, temporary=rejected.temporary, retry_after_ms=rejected.retry_after_ms
            )
        if self._client.failure is not None and not view.has_ended:
            raise self._client.failure
        return view
