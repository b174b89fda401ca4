"""How the edge ends a session, and the names that its close frames and metrics give to the reason. Pure."""

from dataclasses import dataclass
from enum import StrEnum

from schemas.errors import CloseCode


class SignInEnd(StrEnum):
    """What a close with 4401 says to developers (docs/protocol.md has the list). Programs go by the code alone."""

    NOT_AUTHENTICATED = "not_authenticated"
    """The token is not good: unknown, expired, signed out or not ours."""
    HELLO_EXPECTED = "hello_expected"
    """The first frame was another one, or could not be read."""
    HELLO_TIMEOUT = "hello_timeout"
    """No `hello` came in time."""
    OTHER_USER = "other_user"
    """A `hello` that should renew the session has a token of another user."""
    EXPIRED = "expired"
    """The token's time is over, and no `hello` renewed the session."""
    SIGNED_OUT = "signed_out"
    """The user signed out, or an operator did so."""


@dataclass(frozen=True, slots=True)
class Close:
    """The end of a session. What was said before is still sent unless the client is too slow to hear it."""

    code: CloseCode
    why: SignInEnd | None = None

    @property
    def name(self) -> str:
        """For metrics: one for each code."""
        return self.code.name.lower()

    @property
    def reason(self) -> str:
        """For the close frame."""
        return self.name if self.why is None else self.why.value


def not_signed_in(why: SignInEnd) -> Close:
    """A session ends because of who may have it."""
    return Close(CloseCode.NOT_AUTHENTICATED, why)


_OF_THE_PROTOCOL = (CloseCode.TOO_SLOW, CloseCode.TOO_MANY_FRAMES)


def close_reason_of(code: int | None) -> str | None:
    """Why the protocol below the session ended it (`bounded_websocket`); None: the client left."""
    return CloseCode(code).name.lower() if code in _OF_THE_PROTOCOL else None
