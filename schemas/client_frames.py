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
    """A bearer token of this user. It is never put into an address."""


class Send(ClientFrame, tag="send", frozen=True):
    """Asks, and watches the conversation."""

    request_id: uuid.UUID
    """A UUID that the client makes, once for each question; saying it again has no second effect."""
    conversation_id: uuid.UUID
    """A UUID; a new one, made by the client, begins a conversation."""
    text: str
    """The question."""
    model: str | None = None
    """One of the offered aliases (`GET /v1/models`); absent: the default."""
    parent_id: uuid.UUID | None = None
    """The message that the question goes on from; absent: the conversation's newest leaf when the turn starts."""
    attachments: list[str] | None = None
    """Kept for later: must be absent or empty for now, else it is rejected as `unsupported`."""
    on_busy: OnBusy | None = "queue"
    """What if the conversation is being answered: wait, stop what is open and go first, or be rejected."""


class Regenerate(ClientFrame, tag="regenerate", frozen=True):
    """Answers a user message again, as a sibling."""

    request_id: uuid.UUID
    """As in `send`."""
    conversation_id: uuid.UUID
    """The conversation."""
    message_id: uuid.UUID
    """The user message to be answered again."""
    model: str | None = None
    """One of the offered aliases; absent: the default."""


class Stop(ClientFrame, tag="stop", frozen=True):
    """Stops a turn: by `turn_id`, or before `accepted` came by `request_id` and `conversation_id`."""

    turn_id: uuid.UUID | None = None
    """The turn to stop."""
    request_id: uuid.UUID | None = None
    """Before `accepted` came: the request, together with `conversation_id`."""
    conversation_id: uuid.UUID | None = None
    """The request's conversation."""


class Watch(ClientFrame, tag="watch", frozen=True):
    """Receives a conversation's frames. `after`: the last applied seq of each turn in flight."""

    conversation_id: uuid.UUID
    """The conversation; one that does not exist is an empty one."""
    after: Annotated[dict[uuid.UUID, Cursor], msgspec.Meta(max_length=MAX_RESUMED_TURNS)] | None = None
    """By turn: the seq that was applied last. At most 50 turns, those that are open as far as the client knows."""


class Unwatch(ClientFrame, tag="unwatch", frozen=True):
    """Receives them no more."""

    conversation_id: uuid.UUID
    """The conversation."""


class Ping(ClientFrame, tag="ping", frozen=True):
    """Answered by `pong`."""

    nonce: Annotated[str, msgspec.Meta(max_length=256)] | None = None
    """Comes back in the `pong`; at most 256 characters."""


AnyClientFrame = Hello | Send | Regenerate | Stop | Watch | Unwatch | Ping
