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
    """The conversation that the turn belongs to."""
    turn_id: str
    """The turn: one question and its answer."""
    seq: int
    """`attempt * 1_000_000 + n`: the frame's number, which is the cursor for `after` too."""


class Ready(ServerFrame, tag="ready", frozen=True):
    """The session is open."""

    session_id: str
    """This open socket, for an operator who looks for it in logs."""
    user_id: str
    """Who is signed in."""
    limits: dict[str, int]
    """What the edge allows, by name; names that a client does not know mean nothing to it."""
    heartbeat_seconds: int
    """A server frame comes at least this often; twice that in silence means that the connection is dead."""
    expires_at: str
    """When the session ends unless it is renewed by another `hello` (RFC 3339, UTC)."""


class Accepted(ServerFrame, tag="accepted", frozen=True):
    """Durable (G1): the broker has the request."""

    request_id: str
    """The client's own name of the request."""
    turn_id: str
    """The turn that answers it; the same request always gives the same turn."""


class Rejected(ServerFrame, tag="rejected", frozen=True):
    """Not accepted, and nothing will happen. Never sent once a produce was attempted."""

    request_id: str
    """The client's own name of the request."""
    code: ErrorCode
    """What is wrong, for programs."""
    text: str
    """What is wrong, for people."""
    temporary: bool
    """Whether the same may be accepted later."""
    retry_after_ms: int | None = None
    """Milliseconds after which asking again may go better; absent if the edge can't tell."""


class Asked(TurnFrame, tag="asked", frozen=True, kw_only=True):
    """Seq 0, from the edge: all of the user's devices see the question at once."""

    request_id: str
    """The request of the device that asked: merges the turn with what that device shows already."""
    user_message: UserMessage
    """The question. A new one has no id yet; one that is answered again has its id and its parent."""
    model: str
    """The alias that is to answer."""


class Queued(ServerFrame, tag="queued", frozen=True, kw_only=True):
    """Not started or waiting; carries no seq and is ignored after a higher attempt or an end."""

    conversation_id: str
    """The conversation that the turn belongs to."""
    turn_id: str
    """The turn that waits."""
    attempt: int
    """The attempt that waits to run; an unstarted turn waits for its first."""
    position: int
    """The place in the line; 1 is next."""
    eta_ms: int
    """Milliseconds until it may start, as far as can be told; 0 means that nobody can tell."""
    reason: str
    """`waiting_for_worker`, `conversation_busy`, `rate_limited` or `provider_down`; more may come."""


class Started(TurnFrame, tag="started", frozen=True, kw_only=True):
    """The first frame of an attempt: empties the shown answer."""

    request_id: str
    """The request that the turn answers."""
    attempt: int
    """The number of the attempt, from 1; the same as in `seq`."""
    model: str
    """The alias that answers."""
    user_message: UserMessage
    """The question, with its message id from now on."""
    answer_id: str
    """The message id that the answer will have in history."""
    reason: str | None = None
    """Why there is a later attempt: `takeover` (its worker died) or `moved` (nobody held it: it was given back, or an
    installation of one process was started again). For people and logs; a client treats both alike."""


class Delta(TurnFrame, tag="delta", frozen=True, kw_only=True):
    """Append `text`; of the answer unless `kind` says `reasoning`."""

    text: str
    """The piece to append."""
    kind: Literal["answer", "reasoning"] | None = None
    """`reasoning`: thinking aloud, shown apart and no part of the answer. Absent or `answer`: a piece of the answer."""


class Switched(TurnFrame, tag="switched", frozen=True, kw_only=True):
    """Cut the answer to its first `keep` Unicode code points and go on from there."""

    keep: int
    """How many Unicode code points of the answer stay. UTF-16 units or bytes are not meant."""
    from_model: str
    """The alias that wrote the answer so far."""
    to_model: str
    """The alias that goes on; the same one where another deployment of it does."""
    reason: str
    """The error code of what went wrong with the former."""


class Snapshot(TurnFrame, tag="snapshot", frozen=True, kw_only=True):
    """Replace all you have for this turn."""

    text: str
    """The whole answer so far, without reasoning."""
    status: TurnStatus
    """How the turn stands; a terminal one ends it."""
    model: str
    """The alias that answers."""
    answer_id: str | None = None
    """The answer's message id, once an attempt has begun."""
    user_message: UserMessage | None = None
    """The question; absent if it is not known here."""
    usage: Usage | None = None
    """What the answer cost, once the turn has ended."""
    code: ErrorCode | None = None
    """Why it failed, if it did."""


class Completed(TurnFrame, tag="completed", frozen=True, kw_only=True):
    """The end: the model finished."""

    finish_reason: str
    """Why the model ended, in the provider's word: `stop`, `length`, `content_filter` ..."""
    usage: Usage
    """What the answer cost."""
    model: str
    """The alias that answered."""
    answer_id: str
    """The answer's message id in history."""


class Stopped(TurnFrame, tag="stopped", frozen=True, kw_only=True):
    """The end: stopped by the user; the text so far is the stored answer."""

    finish_reason: str
    """Always `stopped`."""
    usage: Usage
    """What the answer cost."""
    model: str
    """The alias that answered."""
    answer_id: str
    """The answer's message id in history."""


class Failed(TurnFrame, tag="failed", frozen=True, kw_only=True):
    """The end: a fault; partial text is kept and stored."""

    code: ErrorCode
    """What went wrong, for programs."""
    text: str
    """What went wrong, for people."""
    temporary: bool
    """Whether asking again may go better."""
    answer_id: str
    """The message id in history of what there is of the answer."""


class WatchedTurn(msgspec.Struct, frozen=True):
    """How one turn of a watched conversation stands."""

    turn_id: str
    """The turn."""
    seq: int
    """The last frame of it that this edge knows."""
    status: TurnStatus
    """How it stands; `unknown`: send the same request again."""


class Watching(ServerFrame, tag="watching", frozen=True):
    """The reply to `watch`, before any replay."""

    conversation_id: str
    """The conversation that is watched now."""
    turns: list[WatchedTurn]
    """Every open turn of it, and those that `after` named."""
    head: str | None
    """The newest stored message's id: a client that lacks it reads history by REST. `null` if there is none."""


class ConversationChanged(ServerFrame, tag="conversation", frozen=True):
    """The user's list of conversations changed; unnumbered, to all of the user's sessions."""

    id: str
    """The conversation."""
    title: str | None
    """Its title; `null` if it has none."""
    updated_at: str
    """When it was last changed (RFC 3339, UTC)."""
    deleted: bool | None = None
    """`true` if it was deleted; absent otherwise."""


class ErrorFrame(ServerFrame, tag="error", frozen=True):
    """A frame that could not be served."""

    code: ErrorCode
    """What is wrong, for programs."""
    text: str
    """What is wrong, for people."""
    temporary: bool
    """Whether the same may go well later."""
    request_id: str | None = None
    """The request that it is about, if it could be read."""
    frame_type: str | None = None
    """The `type` of the client frame that it is about, if it could be read."""


class Draining(ServerFrame, tag="draining", frozen=True):
    """This edge goes away; reconnect with jitter."""

    reconnect_within_ms: int
    """Connect again, to another edge, at a random moment within so many milliseconds."""


class Pong(ServerFrame, tag="pong", frozen=True):
    """The answer to `ping`."""

    nonce: str | None = None
    """What the `ping` carried; absent from the edge's own heartbeats."""


TerminalFrame = Completed | Stopped | Failed
AnyTurnFrame = Asked | Started | Delta | Switched | Snapshot | Completed | Stopped | Failed
AnyServerFrame = (
    AnyTurnFrame | Ready | Accepted | Rejected | Queued | Watching | ConversationChanged | ErrorFrame | Draining | Pong
)


def error_frame(
    code: ErrorCode, *, request_id: str | None = None, frame_type: str | None = None, text: str | None = None
) -> ErrorFrame:
    """An `error` frame; `text` if more is known than the code's own sentence says."""
    return ErrorFrame(code, text or code.text, code.temporary, request_id=request_id, frame_type=frame_type)


def rejected_frame(request_id: str, code: ErrorCode, retry_after_ms: int | None = None) -> Rejected:
    """A `rejected` frame with the code's own sentence."""
    return Rejected(request_id, code, code.text, code.temporary, retry_after_ms)
