"""The right to run, one of `max_running`: lent back while a turn waits for another worker or for a provider that takes
no more right now (DESIGN 6.2).
"""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Protocol


class Slot(Protocol):
    """A running turn's slot. While `lent` runs another turn may run; leaving it waits until there is room again.

    `keeps_claim`: the turn is ours while it waits. It still counts for its user, and when this worker leaves or loses
    the partition it is interrupted, to give its claim back, where others are simply dropped.
    """

    def lent(self, keeps_claim: bool = False) -> AbstractAsyncContextManager[None]: ...


class EndlessSlots:
    """Where nobody counts, there is always room."""

    @asynccontextmanager
    async def lent(self, keeps_claim: bool = False) -> AsyncIterator[None]:
        yield
