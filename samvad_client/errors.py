"""What can go wrong for a user of this library.

SamvadError
    EdgeUnreachable     nobody answers at the address, or not in HTTP
    EdgeRefused         the edge said no, with one of its codes
        RequestRejected     ... to a question: it was not accepted, and nothing will happen
    SignInAgain         the token is missing, expired, or not the edge's
    SessionRefused      the edge closed the session in a way that trying again will not mend
    ConnectionLost      one connection ended; `SamvadClient` answers it by connecting again
    QuestionTooLong     more than one frame may carry
    ClientClosed        the client was closed before the turn ended
"""

from schemas.errors import CloseCode


class SamvadError(Exception):
    """Anything this library raises on purpose. Its text is a sentence for people."""


class EdgeUnreachable(SamvadError):
    """Nobody answers at the address, or it is no Samvad edge."""


class EdgeRefused(SamvadError):
    """The edge said no. `code` is from `schemas.errors` or, from a newer edge, a word not yet known there."""

    def __init__(self, code: str, text: str, *, temporary: bool = False) -> None:
        super().__init__(text)
        self.code = code
        self.text = text
        self.temporary = temporary


class RequestRejected(EdgeRefused):
    """A question was not accepted. `retry_after_ms` says when asking again may help, if the edge knows."""

    def __init__(self, code: str, text: str, *, temporary: bool, retry_after_ms: int | None = None) -> None:
        super().__init__(code, text, temporary=temporary)
        self.retry_after_ms = retry_after_ms


class SignInAgain(SamvadError):
    """The token is missing, expired, or not the edge's."""


class SessionRefused(SamvadError):
    """The edge will not talk to this client: not the protocol, or against its rules."""


class ConnectionLost(SamvadError):
    """One websocket ended. `close_code` is 1006 where no close frame came."""

    def __init__(self, close_code: int, reason: str) -> None:
        super().__init__(f"the connection ended ({close_code}): {reason}")
        self.close_code = close_code


class QuestionTooLong(SamvadError):
    """The frame would be larger than the edge reads."""


class ClientClosed(SamvadError):
    """The client was closed while somebody waited for a turn."""


_HOPELESS = frozenset({CloseCode.NO_BINARY, CloseCode.POLICY, CloseCode.TOO_BIG, CloseCode.NOT_THE_PROTOCOL})


def session_end(close_code: int, reason: str) -> SamvadError:
    """What a close code means: ConnectionLost (connect again), SignInAgain, or SessionRefused (do not come back)."""
    if close_code == CloseCode.NOT_AUTHENTICATED:
        return SignInAgain("The session is not signed in any more. Sign in again.")
    if close_code in _HOPELESS:
        return SessionRefused(f"The server ended the session for good ({close_code}): {reason}")
    return ConnectionLost(close_code, reason)
