"""A person who is signed in: REST calls and tokens that renew themselves, however the person signed in.

In: the edge's address, and how to sign in. Out: answers of the REST calls. Raises EdgeRefused and EdgeUnreachable.
"""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

from samvad_client import EdgeRefused, EdgeRest, SignInAgain
from schemas.errors import ErrorCode

T = TypeVar("T")

Credentials = Callable[[EdgeRest], Awaitable[str]]
"""Signs a REST client in, at first and whenever its token has expired; gives the websocket its token."""


class SignedIn:
    """`rest` is signed in by `credentials`; `sign_in` gives the websocket its token."""

    def __init__(self, rest: EdgeRest, credentials: Credentials) -> None:
        self._rest = rest
        self._credentials = credentials

    async def sign_in(self) -> str:
        """A fresh token for the websocket. REST calls use a fresh one from now on too."""
        return await self._credentials(self._rest)

    async def call(self, call: Callable[[EdgeRest], Awaitable[T]]) -> T:
        """Makes a REST call, again after signing in if the token has expired."""
        try:
            return await call(self._rest)
        except SignInAgain:
            await self.sign_in()
            return await call(self._rest)


class ByName:
    """By the development sign-in, without a password."""

    def __init__(self, name: str) -> None:
        self._name = name

    async def __call__(self, rest: EdgeRest) -> str:
        try:
            return (await rest.sign_in(self._name)).token
        except EdgeRefused as refused:
            if refused.code != ErrorCode.NOT_FOUND:
                raise
            raise SignInAgain("This edge wants a password (--password) or a token (--token-file).") from refused


class ByPassword:
    """By a local account. The websocket gets a ticket, so that it lives as long as the sign-in."""

    def __init__(self, name: str, password: str) -> None:
        self._name = name
        self._password = password
        self._is_signed_in = False

    async def __call__(self, rest: EdgeRest) -> str:
        if self._is_signed_in:
            await rest.refresh()
        else:
            await rest.sign_in_with_password(self._name, self._password)
            self._is_signed_in = True
        return await rest.ticket()


class ByTokenFile:
    """By a token or an API key in a file, read again each time: whoever wrote it may have renewed it."""

    def __init__(self, file: Path) -> None:
        self._file = file

    async def __call__(self, rest: EdgeRest) -> str:
        try:
            token = self._file.read_text(encoding="utf-8").strip()
        except OSError as error:
            raise SignInAgain(f"{self._file} can't be read: {error.strerror}") from error
        rest.use(token)
        return token
