"""A websocket client's bytes, by hand: what is said and what came, without objects for each frame. Pure.

In: payloads to say, bytes that came. Out: bytes to send, opcodes with payloads. Frames go out under a mask of zeros,
which leaves the payload as it is: allowed, and nothing is kept secret from a proxy on loopback.
"""

import base64
import os
from collections.abc import Iterator

from ws_edge.upgrade import PATH, SUBPROTOCOL

TEXT, CLOSE, PING, PONG = 0x1, 0x8, 0x9, 0xA
END_OF_HEAD = b"\r\n\r\n"
_FINAL, _MASKED, _NO_MASK = 0x80, 0x80, bytes(4)
_TWO_BYTES, _EIGHT_BYTES = 126, 127


def upgrade_request(host: str, port: int) -> bytes:
    """Asks for `samvad.v1`."""
    lines = (
        f"GET {PATH} HTTP/1.1",
        f"Host: {host}:{port}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}",
        "Sec-WebSocket-Version: 13",
        f"Sec-WebSocket-Protocol: {SUBPROTOCOL}",
    )
    return "\r\n".join(lines).encode() + END_OF_HEAD


def client_frame(opcode: int, payload: bytes) -> bytes:
    """One whole frame of at most 64 KiB."""
    length = len(payload)
    if length < _TWO_BYTES:
        head = bytes((_FINAL | opcode, _MASKED | length))
    else:
        head = bytes((_FINAL | opcode, _MASKED | _TWO_BYTES)) + length.to_bytes(2, "big")
    return head + _NO_MASK + payload


class Incoming:
    """Cuts a server's bytes into frames; none is masked, and none of ours is fragmented."""

    __slots__ = ("_rest",)

    def __init__(self) -> None:
        self._rest = b""

    def frames(self, data: bytes) -> Iterator[tuple[int, bytes]]:
        """What is complete now: opcode and payload."""
        data, at = self._rest + data, 0
        while (begins := _payload_at(data, at)) is not None and begins[1] <= len(data):
            first, end = begins
            yield data[at] & 0x0F, data[first:end]
            at = end
        self._rest = data[at:]


def _payload_at(data: bytes, at: int) -> tuple[int, int] | None:
    """Where the payload of the frame at `at` begins and ends; None while its head is not all there."""
    if len(data) < at + 2:
        return None
    length, first = data[at + 1], at + 2
    if length >= _TWO_BYTES:
        size = 2 if length == _TWO_BYTES else 8
        if len(data) < first + size:
            return None
        length, first = int.from_bytes(data[first : first + size], "big"), first + size
    return first, first + length
