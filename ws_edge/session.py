"""One session's protocol state: what the next message of a client leads to (DESIGN 4).

In: text or binary messages, and the time. Out: effects, in order, which the shell carries out. Pure.
"""

from dataclasses import dataclass

import msgspec

from observability.edge_metrics import UNREADABLE, Tally
from schemas import codec
from schemas.client_frames import AnyClientFrame, Hello, Ping, Regenerate, Send, Stop, Unwatch, Watch
from schemas.clock import rfc3339
from schemas.errors import CloseCode, ErrorCode
from schemas.frames import ErrorFrame, Pong, Ready, ServerFrame, error_frame
from schemas.ids import new_id
from ws_edge.bucket import Bucket
from ws_edge.closing import Close, SignInEnd, not_signed_in
from ws_edge.faults import Fault, fault_of_frame, sentence
from ws_edge.settings import EdgeSettings
from ws_edge.sign_in import Identity

MAX_BAD_IN_A_ROW = 3
KNOWN_TYPES = frozenset({"hello", "send", "regenerate", "stop", "watch", "unwatch", "ping"})
_MAX_ECHOED = 40


@dataclass(frozen=True, slots=True)
class Say:
    """Tell the client."""

    frame: ServerFrame


@dataclass(frozen=True, slots=True)
class CheckToken:
    """Check a token, then call `signed_in`, or close as not authenticated."""

    token: str


@dataclass(frozen=True, slots=True)
class Do:
    """Carry out what the client wants."""

    frame: Send | Regenerate | Stop | Watch | Unwatch


Effect = Say | CheckToken | Do | Close


class _Outline(msgspec.Struct):
    """What a frame that can't be read may still say about itself."""

    type: str | None = None
    request_id: str | None = None


_outlines: msgspec.json.Decoder[_Outline] = msgspec.json.Decoder(_Outline)


class Session:
    """The state of one open socket. `identity` is None before `hello`."""

    def __init__(self, settings: EdgeSettings, now: float, received: Tally | None = None) -> None:
        self.session_id = new_id()
        self.identity: Identity | None = None
        self._settings = settings
        self._bucket = Bucket(settings.frames_per_second, settings.frame_burst, now)
        self._received = received or Tally([])
        self._bad_in_a_row = 0

    def take(self, message: str | bytes, now: float) -> list[Effect]:
        """The next message of the client."""
        if isinstance(message, bytes):
            return [Close(CloseCode.NO_BINARY)]
        if not self._bucket.take(now):
            return [Close(CloseCode.TOO_MANY_FRAMES)]
        try:
            frame = codec.decode_client_frame(message)
        except codec.Unreadable as error:
            self._received.add(UNREADABLE)
            return self._bad(message, fault_of_frame(str(error)))
        self._received.add(str(frame.__struct_config__.tag))
        self._bad_in_a_row = 0
        return self._good(frame)

    def signed_in(self, identity: Identity) -> list[Effect]:
        """The token was good: at first, or as a renewal. A session never changes its user."""
        if self.identity is not None and self.identity.user_id != identity.user_id:
            return [not_signed_in(SignInEnd.OTHER_USER)]
        self.identity = identity
        return [
            Say(
                Ready(
                    session_id=self.session_id,
                    user_id=identity.user_id,
                    limits=self._settings.limits(),
                    heartbeat_seconds=self._settings.heartbeat_seconds,
                    expires_at=rfc3339(int(identity.expires_at * 1000)),
                )
            )
        ]

    def _good(self, frame: AnyClientFrame) -> list[Effect]:
        if isinstance(frame, Hello):
            return [CheckToken(frame.token)]
        if self.identity is None:
            return [not_signed_in(SignInEnd.HELLO_EXPECTED)]
        if isinstance(frame, Ping):
            return [Say(Pong(frame.nonce))]
        return [Do(frame)]

    def _bad(self, message: str, fault: Fault) -> list[Effect]:
        if self.identity is None:
            return [not_signed_in(SignInEnd.HELLO_EXPECTED)]
        self._bad_in_a_row += 1
        said = Say(_complaint(message, fault))
        if self._bad_in_a_row < MAX_BAD_IN_A_ROW:
            return [said]
        return [said, Close(CloseCode.NOT_THE_PROTOCOL)]


def _complaint(message: str, fault: Fault) -> ErrorFrame:
    """Names the field, and what the client can match it to: the type and the request id, if they can be read at all."""
    text = sentence(ErrorCode.BAD_FRAME, [fault])
    try:
        outline = _outlines.decode(message)
    except (msgspec.MsgspecError, RecursionError, UnicodeError):
        return error_frame(ErrorCode.BAD_FRAME, text=text)
    request_id, frame_type = _short(outline.request_id), _short(outline.type)
    if outline.type is not None and outline.type not in KNOWN_TYPES:
        return error_frame(ErrorCode.UNKNOWN_FRAME_TYPE, request_id=request_id, frame_type=frame_type)
    return error_frame(ErrorCode.BAD_FRAME, request_id=request_id, frame_type=frame_type, text=text)


def _short(text: str | None) -> str | None:
    return text if text is not None and len(text) <= _MAX_ECHOED else None
