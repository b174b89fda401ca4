"""Signing in with a name and a password. Whether there is such a name shows neither in the answer nor in its time.

In: what somebody typed, and from where. Out: the account, or NotSignedIn; TooManyAttempts before anything is checked.
"""

from collections.abc import Callable
from typing import Protocol

import structlog

from store.sign_in_rows import UserRow
from ws_edge.sign_in import NotSignedIn, SignInUnavailable
from ws_edge.signing_in.asking_store import asked
from ws_edge.signing_in.attempts import Attempts
from ws_edge.signing_in.names import BadName, kept_name, local_user_id
from ws_edge.signing_in.passwords import Passwords, TooManyAtOnce

log = structlog.get_logger(__name__)

NOBODY = ""
"""All that is no name counts as one."""


class UserRows(Protocol):
    """The store's users. Raises StoreUnavailable."""

    async def get(self, user_id: str) -> UserRow | None: ...


class PasswordSignIn:
    """`now` gives monotonic seconds."""

    def __init__(self, users: UserRows, passwords: Passwords, attempts: Attempts, now: Callable[[], float]) -> None:
        self._users = users
        self._passwords = passwords
        self._attempts = attempts
        self._now = now

    async def let_in(self, typed_name: str, password: str, address: str) -> UserRow:
        """Raises NotSignedIn, TooManyAttempts, TooManyAtOnce or SignInUnavailable."""
        name = _name_in(typed_name)
        self._attempts.take(name, address, self._now())
        try:
            user = await self._checked(name, password, address)
        except (SignInUnavailable, TooManyAtOnce):  # not the user's fault
            self._attempts.give_back(name, address)
            raise
        self._attempts.give_back(name, address)
        return user

    async def _checked(self, name: str, password: str, address: str) -> UserRow:
        user = await asked(self._users.get(local_user_id(name)))
        is_right = await self._passwords.verify(password, None if user is None else user.password_hash)
        if user is None or user.disabled or not is_right:
            # No name: people type their password there.
            log.info("sign_in_refused", address=address)
            raise NotSignedIn("no such name and password")
        return user


def _name_in(typed: str) -> str:
    try:
        return kept_name(typed)
    except BadName:
        return NOBODY
