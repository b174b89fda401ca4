"""A store that does not answer, in the words of signing in: come back later, which is not the same as not signed in."""

from collections.abc import Awaitable
from typing import TypeVar

from store.errors import StoreUnavailable
from ws_edge.sign_in import SignInUnavailable

T = TypeVar("T")


async def asked(question: Awaitable[T]) -> T:
    """The store's answer. Raises SignInUnavailable."""
    try:
        return await question
    except StoreUnavailable as error:
        raise SignInUnavailable(str(error)) from error
