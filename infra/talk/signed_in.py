"""A person who is signed in: REST calls and tokens that renew themselves by the development sign-in.

In: the edge's address and a name. Out: answers of the REST calls. Raises EdgeRefused and EdgeUnreachable.
"""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from samvad_client import EdgeRest, SignInAgain

T = TypeVar("T")


class SignedIn:
    """`rest` is signed in as `name`; `sign_in` gives the websocket its token."""

    def __init__(self, rest: EdgeRest, name: str) -> None:
        self._rest = rest
        self._name = name

    async def sign_in(self) -> str:
        """A fresh token, which REST calls use from now on too."""
        return (await self._rest.sign_in(self._name)).token

    async def call(self, call: Callable[[EdgeRest], Awaitable[T]]) -> T:
        """Makes a REST call, again after signing in if the token has expired."""
        try:
            return await call(self._rest)
        except SignInAgain:
            await self.sign_in()
            return await call(self._rest)
