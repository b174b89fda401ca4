"""Whose sockets are open on this edge, and which of them a notice ends.

In: sockets that signed in, and notices of sign-outs, of this edge and of the others. Out: closed sockets (4401), and a
memory of checked sign-ins that has forgotten theirs.
"""

from collections.abc import Callable
from typing import Protocol

import structlog

from schemas import codec
from schemas.edge_notices import SignedOut
from ws_edge.close_codes import Close, CloseCode
from ws_edge.sign_in import Identity

log = structlog.get_logger(__name__)


class SignedInSocket(Protocol):
    """An open session. `identity` changes when it renews itself."""

    @property
    def identity(self) -> Identity | None: ...
    def close(self, close: Close) -> None: ...


class SignedInSockets:
    """`forget` hears of every user of whom something ended."""

    def __init__(self, forget: Callable[[str], None]) -> None:
        self._forget = forget
        self._of_user: dict[str, set[SignedInSocket]] = {}

    def join(self, user_id: str, socket: SignedInSocket) -> None:
        """It signed in."""
        self._of_user.setdefault(user_id, set()).add(socket)

    def leave(self, user_id: str, socket: SignedInSocket) -> None:
        """It is over."""
        sockets = self._of_user.get(user_id, set())
        sockets.discard(socket)
        if not sockets:
            self._of_user.pop(user_id, None)

    def hear(self, user_id: str, raw: bytes) -> None:
        """A notice from the log. What can't be read ends nothing: the store says it to whoever asks."""
        try:
            notice = codec.decode_signed_out(raw)
        except codec.Unreadable as error:
            log.warning("sign_out_unreadable", reason=str(error))
            self._forget(user_id)
            return
        self.take(user_id, notice)

    def take(self, user_id: str, notice: SignedOut) -> None:
        """Closes what the notice ends."""
        self._forget(user_id)
        ended = [socket for socket in self._of_user.get(user_id, ()) if ends(notice, socket.identity)]
        for socket in ended:
            socket.close(Close(CloseCode.NOT_AUTHENTICATED))
        log.info("signed_out", user_id=user_id, sockets=len(ended))


def ends(notice: SignedOut, identity: Identity | None) -> bool:
    """Whether a notice of this user's ends what the socket signed in with. Pure.

    Of all sign-ins at once, one that began after the notice has its generation, and stays.
    """
    if identity is None:
        return False
    if notice.sign_in_id is not None:
        return identity.sign_in_id == notice.sign_in_id
    if identity.is_program:
        return notice.with_keys
    return identity.generation != notice.generation
