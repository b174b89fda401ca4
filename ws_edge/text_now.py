"""One text frame for a socket that can take it at once: from a frame of the log to `transport.write`. Pure.

In: an encoded frame. Out: a websocket frame's bytes. The ASGI extension of this name passes the door from the server's
protocol (websocket_protocol.py) to the session's writer, which has its own way for sockets that must be waited for.
"""

from collections.abc import Callable, MutableMapping
from typing import Any

EXTENSION = "samvad.text_now"
"""In `scope["extensions"]`: `{"send": SendNow}`. A server without it is sent everything by ASGI messages."""

SendNow = Callable[[bytes], bool]
"""Sends one text frame without waiting. False: the socket can't take it now, and nothing was sent."""

_FINAL_TEXT = 0x81
_TWO_BYTES, _EIGHT_BYTES = 126, 127


def text_frame(payload: bytes) -> bytes:
    """A whole, unmasked text frame (RFC 6455, 5.2). What is not UTF-8 is replaced: a client must close on it."""
    text = payload if payload.isascii() else payload.decode(errors="replace").encode()
    length = len(text)
    if length < _TWO_BYTES:
        return bytes((_FINAL_TEXT, length)) + text
    if length < 1 << 16:
        return bytes((_FINAL_TEXT, _TWO_BYTES, length >> 8, length & 0xFF)) + text
    return bytes((_FINAL_TEXT, _EIGHT_BYTES)) + length.to_bytes(8, "big") + text


def never(_payload: bytes) -> bool:
    """For a socket that always has to be waited for."""
    return False


def send_now_of(scope: MutableMapping[str, Any]) -> SendNow:
    """What the server offers."""
    offered = scope.get("extensions", {}).get(EXTENSION)
    send: SendNow = never if offered is None else offered["send"]
    return send
