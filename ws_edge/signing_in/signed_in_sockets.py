"""Whose sockets are open on this edge, and which of them a notice ends.

In: sockets that signed in, and notices of sign-outs, of this edge and of the others. Out: closed sockets (4401), and a
memory of checked sign-ins that has forgotten theirs. A notice that ends every sign-in may come late, when newer ones
have begun: generations have no order, so the store is asked which one is the user's now.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Collection
from typing import Protocol

import structlog

from schemas import codec
from schemas.edge_notices import SignedOut
from store.sign_in_rows import UserRow
from ws_edge.closing import Close, SignInEnd, not_signed_in
from ws_edge.sign_in import Identity

log = structlog.get_logger(__name__)

MAX_REMEMBERED = 1_000
"""Notices, for whoever was let in before and joins after them."""


class SignedInSocket(Protocol):
    """An open session. `identity` changes when it renews itself."""

    @property
    def identity(self) -> Identity | None: ...
    def close(self, close: Close) -> None: ...


class UserRows(Protocol):
    """The store's users. Raises StoreUnavailable."""

    async def get_now(self, user_id: str) -> UserRow | None: ...


class SignedInSockets:
    """`forget` hears of every user of whom something ended. `taken`: how many notices have come."""

    def __init__(self, forget: Callable[[str], None], users: UserRows) -> None:
        self._forget = forget
        self._users = users
        self._of_user: dict[str, set[SignedInSocket]] = {}
        self._asking: set[asyncio.Task[None]] = set()
        self._lately: deque[tuple[str, SignedOut]] = deque(maxlen=MAX_REMEMBERED)
        self.taken = 0

    async def close(self) -> None:
        """Asks the store no more."""
        for task in self._asking:
            task.cancel()
        await asyncio.gather(*self._asking, return_exceptions=True)

    def join(self, user_id: str, socket: SignedInSocket, taken: int | None = None) -> None:
        """It signed in; when `taken` notices had come, if that was not just now: later ones are taken for it too."""
        self._of_user.setdefault(user_id, set()).add(socket)
        missed = 0 if taken is None else self.taken - taken
        if missed > len(self._lately):
            socket.close(not_signed_in(SignInEnd.SIGNED_OUT))  # it may come back, and is asked again then
        for whose, notice in list(self._lately)[-missed:] if missed else []:
            if whose == user_id:
                self._end(user_id, notice, [socket])

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
        self.taken += 1
        self._lately.append((user_id, notice))
        self._end(user_id, notice, self._of_user.get(user_id, ()))

    def _end(self, user_id: str, notice: SignedOut, sockets: Collection[SignedInSocket]) -> None:
        ended = [socket for socket in sockets if ends(notice, socket.identity)]
        unsure = [socket for socket in ended if may_be_newer(notice, socket.identity)]
        _close(user_id, [socket for socket in ended if socket not in unsure])
        if unsure:
            asking = asyncio.create_task(self._end_older(user_id, unsure), name="ask-generation")
            self._asking.add(asking)
            asking.add_done_callback(self._asking.discard)

    async def _end_older(self, user_id: str, sockets: list[SignedInSocket]) -> None:
        """While the store does not say it, the notice alone counts."""
        try:
            user = await self._users.get_now(user_id)
        except Exception as error:  # the edge of a task: nobody stays for a bug
            log.warning("generation_not_known", user_id=user_id, reason=repr(error))
            _close(user_id, sockets)
        else:
            _close(user_id, [socket for socket in sockets if not is_of_now(socket.identity, user)])


def _close(user_id: str, sockets: list[SignedInSocket]) -> None:
    for socket in sockets:
        socket.close(not_signed_in(SignInEnd.SIGNED_OUT))
    if sockets:
        log.info("signed_out", user_id=user_id, sockets=len(sockets))


def ends(notice: SignedOut, identity: Identity | None) -> bool:
    """Whether a notice of this user's ends what the socket signed in with. Pure.

    Of all sign-ins at once, one that began after the notice has its generation, and stays, if no other notice followed.
    """
    if identity is None:
        return False
    if notice.sign_in_id is not None:
        return identity.sign_in_id == notice.sign_in_id
    if identity.is_program:
        return notice.with_keys
    return identity.generation != notice.generation


def may_be_newer(notice: SignedOut, identity: Identity | None) -> bool:
    """Whether it may have begun after what the notice says, which came late. Pure.

    Not a token of others, which says no beginning: whoever has one that is good comes back with it.
    """
    return notice.sign_in_id is None and identity is not None and identity.sign_in_id is not None


def is_of_now(identity: Identity | None, user: UserRow | None) -> bool:
    """Whether the user, as the store knows them now, may have this socket. Pure."""
    if identity is None or (user is not None and user.disabled):
        return False
    return identity.is_program or identity.generation == ("" if user is None else user.generation)
