"""How the edge ends a session, and the name that its close frames and metrics give to the reason. Pure."""

from dataclasses import dataclass

from schemas.errors import CloseCode


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
