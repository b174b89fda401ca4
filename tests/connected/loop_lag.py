"""How long the event loop was not free: what a call that blocks does to everybody else."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

PAUSE_SECONDS = 0.005
_SCHEDULER = Path("/proc/thread-self/schedstat")


@dataclass
class Lag:
    """The longest that a timer came too late, less what the thread waited for a processor: that is the machine's."""

    worst_seconds: float = 0.0


@asynccontextmanager
async def lag_measured() -> AsyncIterator[Lag]:
    """Measures while the block runs."""
    lag = Lag()
    measuring = asyncio.create_task(_measure(lag))
    try:
        yield lag
    finally:
        measuring.cancel()
        with suppress(asyncio.CancelledError):
            await measuring


async def _measure(lag: Lag) -> None:
    while True:
        began, waited = time.perf_counter(), _waited_for_a_processor()
        await asyncio.sleep(PAUSE_SECONDS)
        late = time.perf_counter() - began - PAUSE_SECONDS
        lag.worst_seconds = max(lag.worst_seconds, late - (_waited_for_a_processor() - waited))


def _waited_for_a_processor() -> float:
    """Seconds that this thread was ready to run and did not, as the kernel counts it; 0 where it does not."""
    return int(_SCHEDULER.read_text().split()[1]) / 1e9 if _SCHEDULER.exists() else 0.0
