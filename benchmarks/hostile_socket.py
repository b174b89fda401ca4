"""A websocket whose other end is treated badly: read slowly, or never; written to without asking.

In: an edge's address and a token. Out: a signed-in session, of which only what the caller asks for is read from the
network. The protocol is websockets' own, without its I/O, so nothing is read or answered behind the caller's back.
"""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit

from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.protocol import State
from websockets.typing import Subprotocol
from websockets.uri import parse_uri

from samvad_client.connection import SUBPROTOCOL, websocket_url
from schemas.client_frames import ClientFrame, Hello
from schemas.codec import encode

RECEIVE_BUFFER_BYTES = 8 * 1024
"""Of the kernel, so that what the client does not read stays at the edge."""
ANSWER_SECONDS = 20.0


class HostileSocket:
    """One session. `texts` are the messages read so far, as bytes, and not yet taken."""

    def __init__(self, sock: socket.socket, edge_url: str) -> None:
        self.texts: list[bytes] = []
        self.has_ended = False
        self._socket = sock
        self._loop = asyncio.get_running_loop()
        self._protocol = ClientProtocol(
            parse_uri(websocket_url(edge_url)), subprotocols=[Subprotocol(SUBPROTOCOL)], max_size=None
        )

    @property
    def close_code(self) -> int | None:
        """The edge's; None while there is none, or where the connection just ended."""
        return None if self._protocol.close_rcvd is None else self._protocol.close_rcvd.code

    async def sign_in(self, token: str) -> None:
        """The upgrade, `hello`, and `ready`. Raises ConnectionError or TimeoutError."""
        async with asyncio.timeout(ANSWER_SECONDS):
            self._protocol.send_request(self._protocol.connect())
            await self._flush()
            while self._protocol.state is State.CONNECTING and not self.has_ended:
                await self.read(1024)
            if self._protocol.state is not State.OPEN:
                raise ConnectionError("the upgrade was refused")
            await self.say(Hello(token))
            while not self.texts and not self.has_ended:
                await self.read(1024)
        if not self.texts or json.loads(self.texts.pop(0))["type"] != "ready":
            raise ConnectionError("the session was refused")

    async def say(self, frame: ClientFrame) -> None:
        """Raises ConnectionError when the connection has ended."""
        self._protocol.send_text(encode(frame))
        await self._flush()

    async def write(self, raw: bytes) -> None:
        """Whatever it is; returns when the kernel has it. Raises ConnectionError."""
        await self._loop.sock_sendall(self._socket, raw)

    async def read(self, at_most_bytes: int) -> None:
        """The next bytes; pings are answered. At the end of the connection `has_ended` is set."""
        try:
            data = await self._loop.sock_recv(self._socket, at_most_bytes)
        except ConnectionError:
            data = b""
        if data:
            self._protocol.receive_data(data)
        else:
            self.has_ended = True
        with suppress(ConnectionError):
            await self._flush()
        events = self._protocol.events_received()
        self.texts += [bytes(one.data) for one in events if isinstance(one, Frame) and one.opcode is Opcode.TEXT]

    async def _flush(self) -> None:
        if data := b"".join(self._protocol.data_to_send()):
            await self.write(data)


@asynccontextmanager
async def hostile_socket(edge_url: str, token: str) -> AsyncIterator[HostileSocket]:
    """Signed in; cut without a word when the block is left. Raises ConnectionError or TimeoutError."""
    host = urlsplit(edge_url)
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
        sock.setblocking(False)
        await asyncio.get_running_loop().sock_connect(sock, (host.hostname, host.port))
        session = HostileSocket(sock, edge_url)
        await session.sign_in(token)
        yield session
