"""Bytes to words and back, with versions: what is unreadable, and what is merely newer than this program."""

import re
from typing import TypeVar

import msgspec

from schemas.client_frames import AnyClientFrame
from schemas.control import AnyNotice
from schemas.edge_notices import SignedOut
from schemas.frames import AnyServerFrame, AnyTurnFrame, ServerFrame
from schemas.requests import VERSION as REQUEST_VERSION
from schemas.requests import ChatRequest
from schemas.usage import UsageRecord

T = TypeVar("T")

_TYPE_AT = len('{"type":"')

_encoder = msgspec.json.Encoder()
_client_frames: msgspec.json.Decoder[AnyClientFrame] = msgspec.json.Decoder(AnyClientFrame)
_server_frames: msgspec.json.Decoder[AnyServerFrame] = msgspec.json.Decoder(AnyServerFrame)
_turn_frames: msgspec.json.Decoder[AnyTurnFrame] = msgspec.json.Decoder(AnyTurnFrame)
_requests: msgspec.json.Decoder[ChatRequest] = msgspec.json.Decoder(ChatRequest)
_notices: msgspec.json.Decoder[AnyNotice] = msgspec.json.Decoder(AnyNotice)
_signed_out: msgspec.json.Decoder[SignedOut] = msgspec.json.Decoder(SignedOut)
_usage: msgspec.json.Decoder[UsageRecord] = msgspec.json.Decoder(UsageRecord)


class CodecError(ValueError):
    """Bytes that are not one of our words."""


class Unreadable(CodecError):
    """Not JSON, not the fields, or not a version we know: poison."""


class NewerVersion(CodecError):
    """Written by a newer program: not poison; this one must be upgraded first."""


class _Versioned(msgspec.Struct):
    version: int


_versions: msgspec.json.Decoder[_Versioned] = msgspec.json.Decoder(_Versioned)


def encode(word: msgspec.Struct) -> bytes:
    """Any frame or record as JSON in UTF-8."""
    return _encoder.encode(word)


def kind_of(frame: ServerFrame) -> str:
    """A frame's `type`, such as `delta`."""
    return str(frame.__struct_config__.tag)


def kind_of_encoded(frame: bytes) -> str:
    """The `type` of a frame that `encode` made, where it comes first: no JSON is decoded. Of other bytes, anything."""
    return frame[_TYPE_AT : frame.find(b'"', _TYPE_AT)].decode(errors="replace")


def decode_client_frame(data: str | bytes) -> AnyClientFrame:
    """Raises Unreadable with a sentence about the first thing wrong; it never repeats what the client wrote."""
    return _decode(_client_frames, data)


def decode_server_frame(data: str | bytes) -> AnyServerFrame:
    """Raises Unreadable, also for types this program does not know (which a client ignores)."""
    return _decode(_server_frames, data)


def decode_turn_frame(data: str | bytes) -> AnyTurnFrame:
    """A numbered frame of a turn. Raises Unreadable."""
    return _decode(_turn_frames, data)


def decode_request(data: bytes, newest_version: int = REQUEST_VERSION) -> ChatRequest:
    """Raises Unreadable, or NewerVersion for a record that a newer edge wrote."""
    return _decode_versioned(_requests, data, newest_version)


def decode_notice(data: bytes) -> AnyNotice:
    """Raises Unreadable."""
    return _decode(_notices, data)


def decode_signed_out(data: bytes) -> SignedOut:
    """What one edge tells the others. Raises Unreadable."""
    return _decode(_signed_out, data)


def decode_usage(data: bytes) -> UsageRecord:
    """Raises Unreadable."""
    return _decode(_usage, data)


def _decode(decoder: msgspec.json.Decoder[T], data: str | bytes) -> T:
    # RecursionError: msgspec's answer to JSON nested deeper than its stack; UnicodeError: unpaired surrogates.
    try:
        return decoder.decode(data)
    except (msgspec.MsgspecError, RecursionError, UnicodeError) as error:
        raise Unreadable(_without_values(str(error))) from None


def _without_values(reason: str) -> str:
    # msgspec quotes an unknown `type` or enum value, which may be anything and of any length, as Python's repr does.
    return re.sub("['\"].*['\"]", "(hidden)", reason, flags=re.DOTALL)


def _decode_versioned(decoder: msgspec.json.Decoder[T], data: bytes, known_version: int) -> T:
    if _version_of(data) > known_version:
        raise NewerVersion(f"version is above {known_version}")
    return _decode(decoder, data)


def _version_of(data: bytes) -> int:
    try:
        return _versions.decode(data).version
    except (msgspec.MsgspecError, RecursionError, UnicodeError):
        return 0
