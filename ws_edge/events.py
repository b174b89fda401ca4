"""One turn's frames as server-sent events: the bytes that a websocket would send, under `data:`. Pure.

In: whatever a feed is about to send. Out: an event for each frame of the turn, with `id:` where the frame has a seq, so
that a browser comes back with it as `Last-Event-ID`; nothing for other turns' frames and for what is no turn's.
"""

from dataclasses import dataclass

import msgspec

from schemas.errors import ErrorCode
from schemas.statuses import TERMINAL
from ws_edge.turn_in_flight import TERMINAL_STATUS

COMMENT = b":\n\n"
"""Says nothing, and that the line is alive."""


@dataclass(frozen=True, slots=True)
class Event:
    """An encoded event. `is_end`: the turn says nothing more after it."""

    raw: bytes
    kind: str
    is_end: bool


class _Outline(msgspec.Struct):
    """What of a frame decides where it goes."""

    type: str
    turn_id: str | None = None
    seq: int | None = None
    status: str | None = None
    code: str | None = None


_outlines: msgspec.json.Decoder[_Outline] = msgspec.json.Decoder(_Outline)


def event_of(frame: bytes, turn_id: str) -> Event | None:
    """The frame as an event of this turn; None if it is not one of its frames."""
    outline = _read(frame)
    if outline is None or outline.turn_id != turn_id or not outline.type.isidentifier():
        return None
    is_end = outline.type in TERMINAL_STATUS or (outline.type == "snapshot" and outline.status in TERMINAL)
    fields = [] if outline.seq is None else [f"id: {outline.seq}"]
    return Event(encoded([*fields, f"event: {outline.type}"], frame), outline.type, is_end)


def is_bug(frame: bytes) -> bool:
    """Whether the edge says that watching broke: nothing would come any more."""
    outline = _read(frame)
    return outline is not None and (outline.type, outline.code) == ("error", ErrorCode.INTERNAL)


def encoded(fields: list[str], data: bytes) -> bytes:
    """An event. A line break in the data, which JSON has between its tokens only, begins another `data:` line."""
    lines = [*(field.encode() for field in fields), *(b"data: " + line for line in data.splitlines())]
    return b"\n".join(lines) + b"\n\n"


def retry_field(milliseconds: int) -> bytes:
    """How long a browser waits before it comes back, from now on."""
    return b"retry: %d\n\n" % milliseconds


def _read(frame: bytes) -> _Outline | None:
    try:
        return _outlines.decode(frame)
    except (msgspec.MsgspecError, RecursionError, UnicodeError):
        return None
