"""One session that reads all the time, so that nothing which comes late is missed.

In: an open connection. Out: the frames of each turn with the moments of their arrival, and refused stops by request.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from samvad_client.connection import Connection, ServerSaid, open_connection
from schemas.client_frames import AnyClientFrame
from schemas.frames import Completed, ErrorFrame, Failed, Snapshot, Stopped

Heard = tuple[int, ServerSaid]
"""Monotonic nanoseconds, and what was said."""


class Device:
    """A reading session."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._heard: defaultdict[str, list[Heard]] = defaultdict(list)
        self._refused: set[str] = set()
        self._news = asyncio.Event()

    async def say(self, frame: AnyClientFrame) -> None:
        await self._connection.send(frame)

    async def read(self) -> None:
        """Until the connection ends, or for ever."""
        while True:
            said = await self._connection.receive()
            if turn_id := getattr(said, "turn_id", None):
                self._heard[turn_id].append((time.monotonic_ns(), said))
            elif isinstance(said, ErrorFrame) and said.request_id:
                self._refused.add(said.request_id)
            self._news.set()

    def end_of(self, turn_id: str) -> Heard | None:
        """How a turn ended, if that was heard."""
        return next((heard for heard in self._heard[turn_id] if is_end(heard[1])), None)

    def heard_after(self, turn_id: str, end: Heard) -> int:
        """Frames of a turn that came after its end."""
        return len(self._heard[turn_id]) - 1 - self._heard[turn_id].index(end)

    def shows(self, turn_id: str, kind: type) -> bool:
        """Whether a frame of this kind came."""
        return any(isinstance(said, kind) for _, said in self._heard[turn_id])

    def takes_refusal(self, request_id: str) -> bool:
        """True once for each time that this request was answered by an error."""
        was_refused = request_id in self._refused
        self._refused.discard(request_id)
        return was_refused

    async def news(self) -> None:
        """Returns when something more was heard."""
        self._news.clear()
        await self._news.wait()


def is_end(said: ServerSaid) -> bool:
    """A terminal frame, or a snapshot that says as much."""
    return isinstance(said, Completed | Stopped | Failed) or (isinstance(said, Snapshot) and said.status.is_terminal)


@asynccontextmanager
async def device(edge_url: str, token: str) -> AsyncIterator[Device]:
    """A session of its own while the block runs."""
    async with open_connection(edge_url, token) as (connection, _):
        reading = Device(connection)
        task = asyncio.create_task(reading.read())
        try:
            yield reading
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
