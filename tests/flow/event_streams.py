"""One end of a turn's event stream, for tests: what came, event by event."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx

from samvad_client.events import Event, events_of
from tests.edge_turns import Turn
from tests.flow.running_edge import WAIT_SECONDS, Stage


class Stream:
    """An open stream. Comments and words about when to come back are in `raw` only."""

    def __init__(self, response: httpx.Response) -> None:
        self.response = response
        self.raw = b""
        self.last_id: str | None = None
        self._events = events_of(self._chunks())

    async def event(self, kind: str | None = None) -> Event:
        """The next event, which must be of this kind."""
        async with asyncio.timeout(WAIT_SECONDS):
            event = await anext(self._events)
        assert kind is None or event.kind == kind, event
        self.last_id = event.id or self.last_id
        return event

    async def frame(self, kind: str | None = None) -> dict[str, Any]:
        """The next event's frame; the event is named after it and has its seq."""
        event = await self.event(kind)
        frame: dict[str, Any] = json.loads(event.data)
        assert (event.kind, event.id) == (frame["type"], None if "seq" not in frame else str(frame["seq"]))
        return frame

    async def frames(self, *kinds: str) -> list[dict[str, Any]]:
        return [await self.frame(kind) for kind in kinds]

    async def rest(self) -> list[dict[str, Any]]:
        """All frames up to the stream's end."""
        async with asyncio.timeout(WAIT_SECONDS):
            return [json.loads(event.data) async for event in self._events]

    async def _chunks(self) -> AsyncIterator[bytes]:
        async for chunk in self.response.aiter_bytes():
            self.raw += chunk
            yield chunk


@asynccontextmanager
async def streaming(scene: Stage, turn: Turn, name: str = "asha", after: int | None = None) -> AsyncIterator[Stream]:
    """A turn's stream, asked for as a browser does."""
    headers = {} if after is None else {"last-event-id": str(after)}
    path = f"/v1/turns/{turn.turn_id}/events"
    async with scene.http(name) as http, http.stream("GET", path, headers=headers, timeout=10) as response:
        assert response.status_code == 200, await response.aread()
        yield Stream(response)
