"""One websocket of a benchmark's crowd, as lean as Python allows: ten thousand of them live in one process.

In: an edge's address, a token. Out: each text frame's payload, and how the socket ended. Pings of the server are
answered; the client never pings by itself.
"""

import asyncio
from collections.abc import Callable
from typing import cast

from benchmarks.websocket_bytes import CLOSE, END_OF_HEAD, PING, PONG, TEXT, Incoming, client_frame, upgrade_request
from schemas import codec
from schemas.client_frames import AnyClientFrame, Hello

Hear = Callable[[bytes], None]
Ended = Callable[[int | None], None]
"""With the close code that came, or None if the connection was cut without one."""

SWITCHING = b"HTTP/1.1 101"


class LeanSocket(asyncio.Protocol):
    """Upgrades and says `hello` by itself."""

    __slots__ = ("_address", "_code", "_ended", "_head", "_hear", "_incoming", "_is_open", "_token", "_transport")

    def __init__(self, address: tuple[str, int], token: str, hear: Hear, ended: Ended) -> None:
        self._address = address
        self._token = token
        self._hear = hear
        self._ended = ended
        self._incoming = Incoming()
        self._head = b""
        self._is_open = False
        self._code: int | None = None
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._transport.write(upgrade_request(*self._address))

    def connection_lost(self, exc: Exception | None) -> None:
        self._ended(self._code)

    def data_received(self, data: bytes) -> None:
        if not self._is_open:
            data = self._upgraded(data)
        for opcode, payload in self._incoming.frames(data):
            if opcode == TEXT:
                self._hear(payload)
            elif opcode == PING:
                self._write(PONG, payload)
            elif opcode == CLOSE:
                self._code = int.from_bytes(payload[:2], "big")
                self._write(CLOSE, payload)

    def say(self, frame: AnyClientFrame) -> None:
        self._write(TEXT, codec.encode(frame))

    def leave(self) -> None:
        """Without a word."""
        if self._transport is not None:
            self._transport.abort()

    def _upgraded(self, data: bytes) -> bytes:
        """Takes the answer to the upgrade; what came behind it is returned."""
        self._head += data
        head, separator, rest = self._head.partition(END_OF_HEAD)
        if not separator:
            return b""
        if not head.startswith(SWITCHING):
            self.leave()
            return b""
        self._is_open, self._head = True, b""
        self.say(Hello(self._token))
        return rest

    def _write(self, opcode: int, payload: bytes) -> None:
        if self._transport is not None:
            self._transport.write(client_frame(opcode, payload))


async def connect(address: tuple[str, int], source: str, socket: LeanSocket) -> None:
    """From one of this machine's own 127.0.0.0/8: each has 28,000 ports to connect from (W12). Raises OSError."""
    loop = asyncio.get_running_loop()
    await loop.create_connection(lambda: socket, *address, local_addr=(source, 0))
