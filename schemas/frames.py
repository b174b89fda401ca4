"""What the server says on the websocket (DESIGN 4): JSON objects told apart by `type`.

Frames of a turn carry `conversation_id`, `turn_id` and, but for `queued`, `seq`. Absent optional fields are left out.
"""

from typing import Literal

import msgspec

from schemas.errors import ErrorCode
from schemas.parts import Usage, UserMessage
from schemas.statuses import TurnStatus


class ServerFrame(msgspec.Struct, tag_field="type", frozen=True, omit_defaults=True):
    """The family of server frames; `type` tells them apart."""


class TurnFrame(ServerFrame, frozen=True, kw_only=True):
    """A numbered frame of a turn."""

    conversation_id: str
    turn_id: str
    seq: int


class Ready(ServerFrame, tag="ready", frozen=True):
    """The session is open."""

    session_id: str
    user_id: str
    limits: dict[str, int]
    heartbeat_seconds: int
    expires_at: str


class Accepted(ServerFrame, tag="accepted", frozen=True):
    """Durable (G1): the broker has the request."""

    request_id: str
    turn_id: str


class Rejected(ServerFrame, tag="rejected", frozen=True):
    """Not accepted, and nothing will happen. Never sent once a produce was attempted."""

    request_id: str
    code: ErrorCode
    text: str
    temporary: bool
    retry_after_ms: int | None = None


class Asked(TurnFrame, tag="asked", frozen=True, kw_only=True):
    """Seq 0, from the edge: all of the user's devices see the question at once."""

    request_id: str
    user_message: UserMessage
    model: str


class Queued(ServerFrame, tag="queued", frozen=True, kw_only=True):
    """Not started or waiting; carries no seq and is ignored after a higher attempt or an end."""

    conversation_id: str
    turn_id: str
    attempt: int
    position: int
    eta_ms: int
    reason: str


class Started(TurnFrame, tag="started", frozen=True, kw_only=True):
    """The first frame of an attempt: empties the shown answer."""

    request_id: str
    attempt: int
    model: str
    user_message: UserMessage
    answer_id: str
    reason: str | None = None


class Delta(TurnFrame, tag="delta", frozen=True, kw_only=True):
    """Append `text`; of the answer unless `kind` says `reasoning`."""

    text: str
    kind: Literal["reasoning"] | None = None


class Switched(TurnFrame, tag="switched", frozen=True, kw_only=True):
    """Cut the answer to its first `keep` Unicode code points and go on from there."""

    keep: int
    from_model: str
    to_model: str
    reason: str


class Snapshot(TurnFrame, tag="snapshot", frozen=True, kw_only=True):
    """Replace all you have for this turn."""

    text: str
    status: TurnStatus
    model: str
    answer_id: str | None = None
    user_message: UserMessage | None = None
    usage: Usage | None = None
    code: ErrorCode | None = None


class Completed(TurnFrame, tag="completed", frozen=True, kw_only=True):
    """The end: the model finished."""

    finish_reason: str
    usage: Usage
    model: str
    answer_id: str


class Stopped(TurnFrame, tag="stopped", frozen=True, kw_only=True):
    """The end: stopped by the user; the text so far is the stored answer."""

    finish_reason: str
    usage: Usage
    model: str
    answer_id: str


class Failed(TurnFrame, tag="failed", frozen=True, kw_only=True):
    """The end: a fault; partial text is kept and stored."""

    code: ErrorCode
    text: str
    temporary: bool
    answer_id: str


class WatchedTurn(msgspec.Struct, frozen=True):
    """How one turn of a watched conversation stands."""

    turn_id: str
    seq: int
    status: TurnStatus


class Watching(ServerFrame, tag="watching", frozen=True):
    """The reply to `watch`, before any replay."""

    conversation_id: str
    turns: list[WatchedTurn]
    head: str | None


class ConversationChanged(ServerFrame, tag="conversation", frozen=True):
    """The user's list of conversations changed; unnumbered, to all of the user's sessions."""

    id: str
    title: str | None
    updated_at: str
    deleted: bool | None = None


class ErrorFrame(ServerFrame, tag="error", frozen=True):
    """A frame that could not be served."""

    code: ErrorCode
    text: str
    temporary: bool
    request_id: str | None = None
    frame_type: str | None = None


class Draining(ServerFrame, tag="draining", frozen=True):
    """This edge goes away; reconnect with jitter."""

    reconnect_within_ms: int


class Pong(ServerFrame, tag="pong", frozen=True):
    """The answer to `ping`."""

    nonce: str | None = None


TerminalFrame = Completed | Stopped | Failed
AnyTurnFrame = Asked | Started | Delta | Switched | Snapshot | Completed | Stopped | Failed
AnyServerFrame = (
    AnyTurnFrame | Ready | Accepted | Rejected | Queued | Watching | ConversationChanged | ErrorFrame | Draining | Pong
)


def error_frame(code: ErrorCode, *, request_id: str | None = None, frame_type: str | None = None) -> ErrorFrame:
    """An `error` frame with the code's own sentence."""
    return ErrorFrame(code, code.text, code.temporary, request_id=request_id, frame_type=frame_type)


def rejected_frame(request_id: str, code: ErrorCode, retry_after_ms: int | None = None) -> Rejected:
    """A `rejected` frame with the code's own sentence."""
    return Rejected(request_id, code, code.text, code.temporary, retry_after_ms)
