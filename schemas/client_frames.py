"""What a client may say on the websocket (DESIGN 4). Ids must be UUIDs; unknown fields are ignored."""

import uuid
from typing import Annotated, Literal

import msgspec

MAX_FRAME_BYTES = 64 * 1024
MAX_RESUMED_TURNS = 50

OnBusy = Literal["queue", "interrupt", "reject"]
Cursor = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]


class ClientFrame(msgspec.Struct, tag_field="type", frozen=True):
    """The family of client frames; `type` tells them apart."""


class Hello(ClientFrame, tag="hello", frozen=True):
    """Signs in, or renews the session later on."""

    token: str


class Send(ClientFrame, tag="send", frozen=True):
    """Asks, and watches the conversation."""

    request_id: uuid.UUID
    conversation_id: uuid.UUID
    text: str
    model: str | None = None
    parent_id: uuid.UUID | None = None
    attachments: list[str] | None = None
    on_busy: OnBusy = "queue"


class Regenerate(ClientFrame, tag="regenerate", frozen=True):
    """Answers a user message again, as a sibling."""

    request_id: uuid.UUID
    conversation_id: uuid.UUID
    message_id: uuid.UUID
    model: str | None = None


class Stop(ClientFrame, tag="stop", frozen=True):
    """Stops a turn: by `turn_id`, or before `accepted` came by `request_id` and `conversation_id`."""

    turn_id: uuid.UUID | None = None
    request_id: uuid.UUID | None = None
    conversation_id: uuid.UUID | None = None


class Watch(ClientFrame, tag="watch", frozen=True):
    """Receives a conversation's frames. `after`: the last applied seq of each turn in flight."""

    conversation_id: uuid.UUID
    after: Annotated[dict[uuid.UUID, Cursor], msgspec.Meta(max_length=MAX_RESUMED_TURNS)] | None = None


class Unwatch(ClientFrame, tag="unwatch", frozen=True):
    """Receives them no more."""

    conversation_id: uuid.UUID


class Ping(ClientFrame, tag="ping", frozen=True):
    """Answered by `pong`."""

    nonce: Annotated[str, msgspec.Meta(max_length=256)] | None = None


AnyClientFrame = Hello | Send | Regenerate | Stop | Watch | Unwatch | Ping
