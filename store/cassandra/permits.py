"""Backpressure: a bounded number of statements runs, a bounded number waits for its turn, for a bounded time.

What tells that a worker lives passes by: it is one statement at a time of each worker, and if it waited behind
everything else, a store that is only slow would make workers look dead.
"""

import asyncio

from store.cassandra.statements import Statement
from store.errors import StoreUnavailable

MAX_RUNNING = 256
"""C4: far below the stream ids of one connection, where `execute_async` would block the loop."""
MAX_WAITING = 4096
MAX_WAIT_SECONDS = 2.5


class Permits:
    """To run a statement: take, run, give back."""

    def __init__(self) -> None:
        self._running = asyncio.Semaphore(MAX_RUNNING)
        self._waiting = 0

    async def take(self, statement: Statement) -> None:
        """Raises StoreUnavailable when too many wait already, or this one did for too long."""
        if statement.passes_by:
            return
        if not self._running.locked():
            await self._running.acquire()
            return
        if self._waiting >= MAX_WAITING:
            raise StoreUnavailable("too many statements wait for Cassandra")
        self._waiting += 1
        try:
            async with asyncio.timeout(MAX_WAIT_SECONDS):
                await self._running.acquire()
        except TimeoutError:
            raise StoreUnavailable("Cassandra is too busy: a statement waited too long for its turn") from None
        finally:
            self._waiting -= 1

    def give_back(self, statement: Statement) -> None:
        """Of every statement that was let through, once."""
        if not statement.passes_by:
            self._running.release()
