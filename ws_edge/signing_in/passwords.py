"""Passwords: hashed and verified by argon2 in threads, a few at a time, so that no other user waits for it.

In: a password, and the stored hash if there is an account. Out: whether it is the right one, after the same time.
"""

import asyncio
import secrets
from collections.abc import Callable
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

T = TypeVar("T")

MAX_RUNNING = 2
"""Each takes 64 MiB and about 50 ms of a core (argon2-cffi's defaults, RFC 9106's second choice)."""
MAX_WAITING = 100


class TooManyAtOnce(Exception):
    """More passwords are being checked than this edge takes on."""


class Passwords:
    """One for each edge: its bound is the edge's."""

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher or PasswordHasher()
        self._running = asyncio.Semaphore(MAX_RUNNING)
        self._waiting = 0
        self._nobodys: str | None = None

    async def hash(self, password: str) -> str:
        """Raises TooManyAtOnce."""
        return await self._run(self._hash, password)

    async def verify(self, password: str, stored: str | None) -> bool:
        """Whether it is the password of `stored`. Without one it is not, after as much work. Raises TooManyAtOnce."""
        return await self._run(self._verify, password, stored)

    async def _run(self, work: Callable[..., T], *arguments: object) -> T:
        if self._waiting >= MAX_WAITING:
            raise TooManyAtOnce("too many passwords are being checked")
        self._waiting += 1
        try:
            async with self._running:
                return await asyncio.to_thread(work, *arguments)
        finally:
            self._waiting -= 1

    def _hash(self, password: str) -> str:
        return self._hasher.hash(password.encode("utf-8", "surrogatepass"))

    def _verify(self, password: str, stored: str | None) -> bool:
        if self._nobodys is None:  # before it is known whether it is needed, or its making would tell
            self._nobodys = self._hasher.hash(secrets.token_bytes(16))
        try:
            is_right = self._hasher.verify(stored or self._nobodys, password.encode("utf-8", "surrogatepass"))
        except (Argon2Error, InvalidHashError):
            return False
        return is_right and stored is not None
