"""A websocket client that writes whatever a test wants, right or wrong, and reads whole frames."""

import asyncio
import base64
import json
import os
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
KEY = base64.b64encode(b"sixteen bytes 16").decode()
WAIT_SECONDS = 5


def frame(
    opcode: int,
    payload: bytes = b"",
    *,
    fin: bool = True,
    rsv: int = 0,
    mask: bytes | None = b"\x01\x02\x03\x04",
    length: bytes | None = None,
) -> bytes:
    """A client's frame. `rsv` is three bits; `mask` None: unmasked; `length` replaces all of the length's bytes."""
    head = bytes([(0x80 if fin else 0) | rsv << 4 | opcode])
    said = _length_of(payload) if length is None else length
    said = bytes([said[0] | (0 if mask is None else 0x80)]) + said[1:]
    if mask is None:
        return head + said + payload
    return head + said + mask + bytes(byte ^ mask[n % 4] for n, byte in enumerate(payload))


def _length_of(payload: bytes) -> bytes:
    if len(payload) < 126:
        return bytes([len(payload)])
    if len(payload) < 2**16:
        return b"\x7e" + struct.pack("!H", len(payload))
    return b"\x7f" + struct.pack("!Q", len(payload))


def close(code: int, reason: bytes = b"") -> bytes:
    return frame(CLOSE, struct.pack("!H", code) + reason)


def text(**fields: Any) -> bytes:
    """A whole message: a frame of the protocol above."""
    return frame(TEXT, json.dumps(fields).encode())


@dataclass
class RawWebsocket:
    """One connection, upgraded or not."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def send(self, *parts: bytes) -> None:
        """All in one piece, as far as TCP lets it."""
        self.writer.write(b"".join(parts))
        await self.writer.drain()

    async def head(self) -> tuple[int, dict[str, str]]:
        """The answer's status, and its headers by lower-case name."""
        async with asyncio.timeout(WAIT_SECONDS):
            lines = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = dict(line.split(": ", 1) for line in lines[1:] if line)
        return int(lines[0].split()[1]), {name.lower(): value for name, value in headers.items()}

    async def frame(self) -> tuple[int, bytes]:
        """The next frame's opcode and payload. Raises EOFError when the connection has ended."""
        async with asyncio.timeout(WAIT_SECONDS):
            try:
                head, length = await self.reader.readexactly(2)
                if length == 126:
                    (length,) = struct.unpack("!H", await self.reader.readexactly(2))
                elif length == 127:
                    (length,) = struct.unpack("!Q", await self.reader.readexactly(8))
                return head & 0x0F, await self.reader.readexactly(length)
            except (asyncio.IncompleteReadError, ConnectionError) as error:
                raise EOFError from error

    async def hear(self) -> dict[str, Any]:
        """The next frame, which must be text."""
        opcode, payload = await self.frame()
        assert opcode == TEXT, (opcode, payload)
        heard: dict[str, Any] = json.loads(payload)
        return heard

    async def closed(self) -> int | None:
        """Reads until the close frame, whose code it gives (1005: it has none), or to the end of the connection."""
        opcode = -1
        while opcode != CLOSE:
            try:
                opcode, payload = await self.frame()
            except EOFError:
                return None
        return int.from_bytes(payload[:2], "big") if payload else 1005

    async def ended(self) -> bool:
        """The server has ended the connection, and says nothing more."""
        async with asyncio.timeout(WAIT_SECONDS):
            try:
                return await self.reader.read() == b""
            except ConnectionError:
                return True


def upgrade_request(host: str, *, line: str = "GET /v1/ws HTTP/1.1", **headers: str | None) -> bytes:
    """The opening handshake; a header that is None is left out. `_` in a name is `-`."""
    usual: dict[str, str | None] = {
        "host": host,
        "upgrade": "websocket",
        "connection": "Upgrade",
        "sec-websocket-key": KEY,
        "sec-websocket-version": "13",
        "sec-websocket-protocol": "samvad.v1",
    }
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    lines = [f"{name}: {value}" for name, value in (usual | given).items() if value is not None]
    return "\r\n".join([line, *lines, "", ""]).encode("latin-1")


@asynccontextmanager
async def raw_connection(address: str) -> AsyncIterator[RawWebsocket]:
    """TCP to an edge's address."""
    host = urlsplit(address)
    reader, writer = await asyncio.open_connection(host.hostname, host.port)
    try:
        yield RawWebsocket(reader, writer)
    finally:
        writer.transport.abort()


@asynccontextmanager
async def raw_websocket(address: str, token: str | None, **headers: str | None) -> AsyncIterator[RawWebsocket]:
    """An upgraded connection; with a token it has said hello, and the session is open."""
    async with raw_connection(address) as socket:
        await socket.send(upgrade_request(urlsplit(address).netloc, **headers))
        status, _ = await socket.head()
        assert status == 101
        if token is not None:
            await socket.send(text(type="hello", token=token))
            assert (await socket.hear())["type"] == "ready"
        yield socket


def random_bytes(count: int) -> bytes:
    """For masks and payloads whose content does not matter."""
    return os.urandom(count)
