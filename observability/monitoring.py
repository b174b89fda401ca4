"""A process's metrics and health, watched and served: what each composition root opens first.

async with monitoring(AdminSettings()) as monitored:
    ...                                 # parts add their metrics to its registry, and their checks to its health
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass

import structlog
from prometheus_client import CollectorRegistry

from observability.admin_server import admin_server
from observability.event_loop import LoopPulse
from observability.health import Health
from observability.process_metrics import ProcessMetrics
from observability.settings import AdminSettings

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Monitored:
    """What the parts of a process report to. `address` of the admin server, if there is one."""

    process: ProcessMetrics
    health: Health
    address: str | None = None

    @property
    def announced(self) -> dict[str, str]:
        """For the line with which a process says that it is ready."""
        return {} if self.address is None else {"admin": self.address}

    def is_up(self) -> None:
        """Every part has brought its checks: from now on only they say whether the process is ready."""
        self.health.is_starting = False

    @property
    def registry(self) -> CollectorRegistry:
        return self.process.registry


@asynccontextmanager
async def monitoring(settings: AdminSettings) -> AsyncIterator[Monitored]:
    """Watches the event loop and, if it has a port, serves. Raises AdminPortTaken."""
    process, health = ProcessMetrics(), Health(is_starting=True)
    pulse = LoopPulse(process.note_loop_lag)
    health.alive_unless(lambda: _why_stuck(pulse, settings.stuck_loop_seconds))
    health.degraded_if(process.why_degraded)
    with _served(settings, process.registry, health) as address:
        ticking = asyncio.create_task(pulse.run(), name="event-loop-pulse")
        try:
            yield Monitored(process, health, address)
        finally:
            ticking.cancel()
            with suppress(asyncio.CancelledError):
                await ticking


@contextmanager
def _served(settings: AdminSettings, registry: CollectorRegistry, health: Health) -> Iterator[str | None]:
    if settings.admin_port is None:
        yield None
        return
    with admin_server(settings.admin_host, settings.admin_port, registry, health) as address:
        log.info("admin_server_listens", address=address)
        yield address


def _why_stuck(pulse: LoopPulse, stuck_loop_seconds: float) -> str | None:
    silent_seconds = pulse.silent_seconds()
    if silent_seconds <= stuck_loop_seconds:
        return None
    return f"the event loop has not turned for {silent_seconds:.0f} s"
