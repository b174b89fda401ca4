"""A start that waits for servers ends when the process is told to stop: a signal is never left waiting."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class StoppedBeforeReady(Exception):
    """SIGTERM or SIGINT came while the process was still starting. No fault."""


@asynccontextmanager
async def unless_stopped(stop: asyncio.Event) -> AsyncIterator[None]:
    """Breaks the block off when `stop` is set in it. Raises StoppedBeforeReady."""
    watcher: asyncio.Task[None] | None = None
    try:
        async with asyncio.timeout(None) as scope:
            watcher = asyncio.create_task(_expire(scope, stop))
            yield
    except TimeoutError as error:
        if stop.is_set():
            raise StoppedBeforeReady from error
        raise
    finally:
        if watcher is not None:
            watcher.cancel()


async def _expire(scope: asyncio.Timeout, stop: asyncio.Event) -> None:
    await stop.wait()
    scope.reschedule(asyncio.get_running_loop().time())
