"""Why the edge closes a websocket (DESIGN 4). 1xxx are the standard's, 4xxx are ours."""

from dataclasses import dataclass
from enum import IntEnum


class CloseCode(IntEnum):
    GOING_AWAY = 1012
    """Reconnect with jitter; another edge is there."""
    NOT_TEXT = 1003
    """A binary frame came."""
    POLICY = 1008
    """Too many sessions of one user."""
    INTERNAL = 1011
    """A bug on our side; reconnect."""
    OVERLOADED = 1013
    """Reconnect later."""
    NOT_THE_PROTOCOL = 4400
    """Three frames in a row that could not be read."""
    NOT_AUTHENTICATED = 4401
    """No `hello` in time or with a good token, or the session expired."""
    TOO_SLOW = 4409
    """More waits to be sent than is kept; reconnect and resume."""
    TOO_MANY_FRAMES = 4429
    """More client frames than the limits in `ready` allow."""


@dataclass(frozen=True, slots=True)
class Close:
    """The end of a session. What was said before is still sent unless the client is too slow to hear it."""

    code: CloseCode

    @property
    def reason(self) -> str:
        return self.code.name.lower()


_OF_THE_PROTOCOL = (CloseCode.TOO_SLOW, CloseCode.TOO_MANY_FRAMES)


def close_reason_of(code: int | None) -> str | None:
    """Why the protocol below the session ended it (`bounded_websocket`); None: the client left."""
    return CloseCode(code).name.lower() if code in _OF_THE_PROTOCOL else None
