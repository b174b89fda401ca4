"""A websocket server that does exactly what a test tells it, for tests of clients.

`edge.session()` waits for the next client that signed in; on the session a test hears and says frame by frame.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TypeVar

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from schemas.client_frames import AnyClientFrame, ClientFrame, Hello
from schemas.codec import decode_client_frame, encode
from schemas.frames import Ready, ServerFrame
from schemas.ids import new_id

F = TypeVar("F", bound=ClientFrame)


class ScriptedSession:
    """The edge's end of one websocket."""

    def __init__(self, websocket: ServerConnection, token: str) -> None:
        self.token = token
        self._websocket = websocket
        self._heard: asyncio.Queue[AnyClientFrame] = asyncio.Queue()

    async def hear(self, kind: type[F]) -> F:
        """The next frame of the client, which must be of this kind."""
        async with asyncio.timeout(5):
            frame = await self._heard.get()
        assert isinstance(frame, kind), frame
        return frame

    def hears_nothing(self) -> bool:
        return self._heard.empty()

    async def say(self, *frames: ServerFrame) -> None:
        for frame in frames:
            await self._websocket.send(encode(frame), text=True)

    async def say_raw(self, text: str) -> None:
        await self._websocket.send(text)

    async def close(self, code: int) -> None:
        await self._websocket.close(code)

    def abort(self) -> None:
        self._websocket.transport.abort()

    async def closed(self) -> None:
        """Waits until the client is gone."""
        async with asyncio.timeout(5):
            await self._websocket.wait_closed()

    async def listen(self) -> None:
        try:
            async for data in self._websocket:
                self._heard.put_nowait(decode_client_frame(data))
        except ConnectionClosed:
            return


class ScriptedEdge:
    """Signs every client in whose token is not among `refused_tokens`."""

    def __init__(self) -> None:
        self.url = ""
        self.heartbeat_seconds = 30
        self.refused_tokens: set[str] = set()
        self._sessions: asyncio.Queue[ScriptedSession] = asyncio.Queue()

    async def session(self) -> ScriptedSession:
        async with asyncio.timeout(10):
            return await self._sessions.get()

    async def serve(self, websocket: ServerConnection) -> None:
        hello = decode_client_frame(await websocket.recv())
        assert isinstance(hello, Hello)
        if hello.token in self.refused_tokens:
            await websocket.close(4401)
            return
        session = ScriptedSession(websocket, hello.token)
        await session.say(Ready(new_id(), new_id(), {}, self.heartbeat_seconds, "2030-01-01T00:00:00Z"))
        self._sessions.put_nowait(session)
        await session.listen()


@asynccontextmanager
async def scripted_edge(subprotocol: str = "samvad.v1") -> AsyncIterator[ScriptedEdge]:
    edge = ScriptedEdge()
    opening = serve(edge.serve, "127.0.0.1", 0, subprotocols=[Subprotocol(subprotocol)], close_timeout=0.1)
    async with opening as server:
        edge.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        yield edge
