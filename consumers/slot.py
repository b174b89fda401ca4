"""The right to run, one of `max_running`: lent back while a turn waits for anything but its model (DESIGN 6.2)."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Protocol


class Slot(Protocol):
    """A running turn's slot. While `lent` runs another turn may run; leaving it waits until there is room again."""

    def lent(self) -> AbstractAsyncContextManager[None]: ...


class EndlessSlots:
    """Where nobody counts, there is always room."""

    @asynccontextmanager
    async def lent(self) -> AsyncIterator[None]:
        yield
