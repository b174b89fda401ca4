"""Is the event loop turning? A task that ticks, and a clock that other threads may read.

In: nothing but time. Out: how late each tick came, and how long ago the last one was: a blocked loop can't say so
itself (K8: a loop blocked for longer than the session time loses its partitions).
"""

import asyncio
import time
from collections.abc import Callable

TICK_SECONDS = 0.1


class LoopPulse:
    """Ticks while `run` runs. `observe` is told by how many seconds each tick was late."""

    def __init__(self, observe: Callable[[float], None], tick_seconds: float = TICK_SECONDS) -> None:
        self._observe = observe
        self._tick_seconds = tick_seconds
        self._ticked_at = time.monotonic()

    async def run(self) -> None:
        """Ticks until it is cancelled."""
        while True:
            due_at = time.monotonic() + self._tick_seconds
            await asyncio.sleep(self._tick_seconds)
            self._ticked_at = time.monotonic()
            self._observe(max(0.0, self._ticked_at - due_at))

    def silent_seconds(self) -> float:
        """The time since the last tick; may be asked on any thread."""
        return time.monotonic() - self._ticked_at
