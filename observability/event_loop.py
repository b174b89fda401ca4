"""Is the event loop turning? A task that ticks, and a clock that other threads may read.

In: time, and what the kernel counts for this thread. Out: how late each tick came, how much of that the thread did not
spend waiting for a CPU, and how long ago the last tick was: a blocked loop can't say so itself (K8: a loop blocked for
longer than the session time loses its partitions).
"""

import asyncio
import time
from collections.abc import Callable

TICK_SECONDS = 0.1

Observe = Callable[[float, float], None]
"""Hears of a tick by how many seconds it was late, and for how many of these the loop was held by code: the rest was
a machine with more to run than CPUs."""


class LoopPulse:
    """Ticks while `run` runs."""

    def __init__(self, observe: Observe, tick_seconds: float = TICK_SECONDS) -> None:
        self._observe = observe
        self._tick_seconds = tick_seconds
        self._ticked_at = time.monotonic()

    async def run(self) -> None:
        """Ticks until it is cancelled."""
        while True:
            due_at, waited_before = time.monotonic() + self._tick_seconds, cpu_wait_seconds()
            await asyncio.sleep(self._tick_seconds)
            self._ticked_at = time.monotonic()
            late = max(0.0, self._ticked_at - due_at)
            self._observe(late, max(0.0, late - (cpu_wait_seconds() - waited_before)))

    def silent_seconds(self) -> float:
        """The time since the last tick; may be asked on any thread."""
        return time.monotonic() - self._ticked_at


def cpu_wait_seconds() -> float:
    """How long this thread was ready to run and had no CPU, since it began; 0 where the kernel does not say (Linux's
    Documentation/scheduler/sched-stats.rst: the second figure, in nanoseconds)."""
    try:
        with open("/proc/thread-self/schedstat", "rb") as file:
            return int(file.read().split()[1]) / 1e9
    except (OSError, IndexError, ValueError):
        return 0.0
