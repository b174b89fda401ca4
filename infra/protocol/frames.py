"""All frames of the protocol, by direction and by `type`. Pure."""

from collections.abc import Mapping
from typing import get_args

import msgspec

from schemas.client_frames import AnyClientFrame
from schemas.frames import AnyServerFrame

Frame = type[msgspec.Struct]


def type_of(frame: Frame) -> str:
    """The `type` by which a frame is known, such as `delta`."""
    return str(frame.__struct_config__.tag)


def _by_type(union: object) -> Mapping[str, Frame]:
    return {type_of(frame): frame for frame in get_args(union)}


CLIENT_FRAMES = _by_type(AnyClientFrame)

_SERVER_FRAMES = _by_type(AnyServerFrame)
_FIRST_MET = ("ready", "accepted", "rejected", "asked", "queued", "started")
SERVER_FRAMES = {kind: _SERVER_FRAMES[kind] for kind in [*_FIRST_MET, *_SERVER_FRAMES]}
