"""When records leave: after they have waited for company, or at once because somebody waits for one of them (K18).

The writer waits itself, instead of the producer below it, because that one knows no exceptions, and waits for each
partition on its own: here all that came together also leaves together, in one request.
"""

import asyncio
from contextlib import suppress


class Company:
    """Those who are going to leave together. `linger_seconds`: how long the first one waits for others."""

    def __init__(self, linger_seconds: float) -> None:
        self._linger_seconds = linger_seconds
        self._has_somebody = asyncio.Event()
        self._is_awaited = asyncio.Event()

    def join(self, at_once: bool) -> None:
        """One more; all leave now if this one has to."""
        self._has_somebody.set()
        if at_once:
            self.end_waiting()

    def end_waiting(self) -> None:
        """All leave now."""
        self._is_awaited.set()

    async def gathered(self) -> None:
        """Returns when there is somebody, and it is time to leave."""
        await self._has_somebody.wait()
        if self._linger_seconds > 0 and not self._is_awaited.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(self._linger_seconds):
                    await self._is_awaited.wait()

    def left(self) -> None:
        """Nobody is here any more."""
        self._has_somebody.clear()
        self._is_awaited.clear()
