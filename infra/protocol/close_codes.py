"""Every close code of the protocol: why the edge ends a session with it, and what a client does then."""

from dataclasses import dataclass

from infra.protocol.gap import ProtocolGap
from schemas.errors import CloseCode


@dataclass(frozen=True, slots=True)
class CloseMeaning:
    """`why` the edge closes; what `then` to do. `reconnect`: whether the client comes back by itself."""

    why: str
    then: str
    reconnect: bool = True


_COME_BACK = "Connect again with backoff, and resume."
_STAY_AWAY = "Don't come back by yourself: the client has a defect."

_MEANINGS = {
    CloseCode.NORMAL: CloseMeaning("The client's own goodbye.", "Nothing.", reconnect=False),
    CloseCode.GOING_AWAY: CloseMeaning("The server, or a proxy before it, goes away.", _COME_BACK),
    CloseCode.PROTOCOL_ERROR: CloseMeaning("Not a websocket frame as RFC 6455 has it.", _COME_BACK),
    CloseCode.NO_BINARY: CloseMeaning("A binary frame came; every frame is JSON text.", _STAY_AWAY, reconnect=False),
    CloseCode.NOT_UTF8: CloseMeaning("A text frame that is not UTF-8.", _COME_BACK),
    CloseCode.POLICY: CloseMeaning(
        "Against a rule of the server, such as too many sessions of one user.",
        "Don't come back by yourself. Tell the user, who may close other tabs and try again.",
        reconnect=False,
    ),
    CloseCode.TOO_BIG: CloseMeaning(
        "A client frame larger than `max_frame_bytes`.",
        "Don't come back by yourself: measure a frame before you send it, and refuse a longer text.",
        reconnect=False,
    ),
    CloseCode.INTERNAL: CloseMeaning("A bug of the server.", _COME_BACK),
    CloseCode.RESTART: CloseMeaning(
        "This edge goes away (it said `draining` before), or is not ready yet.",
        "Connect again with jitter, and resume.",
    ),
    CloseCode.OVERLOADED: CloseMeaning("The edge has as many sessions as it takes.", _COME_BACK),
    CloseCode.NOT_THE_PROTOCOL: CloseMeaning(
        "Three client frames in a row that could not be read.", _STAY_AWAY, reconnect=False
    ),
    CloseCode.NOT_AUTHENTICATED: CloseMeaning(
        "No `hello` in time, another frame before it, a token that is not good, or the session expired.",
        "Get a new token, connect again and resume. If a new token is refused too, let the user sign in.",
    ),
    CloseCode.TOO_SLOW: CloseMeaning(
        "More waits to be sent to this client than is kept, or it answers no websocket ping.", _COME_BACK
    ),
    CloseCode.TOO_MANY_FRAMES: CloseMeaning(
        "More client frames than `frames_per_second` allows.", "Connect again with backoff, resume, and say less."
    ),
}


def close_meanings() -> dict[CloseCode, CloseMeaning]:
    """By code, in their order. Raises ProtocolGap for a code without a meaning."""
    for code in CloseCode:
        if code not in _MEANINGS:
            raise ProtocolGap(
                f"infra/protocol/close_codes.py: close code {code} ({code.name}) has no meaning: "
                "say there why the edge closes with it and what a client does then."
            )
    return dict(sorted(_MEANINGS.items()))
