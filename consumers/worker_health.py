"""A worker's checks: it lives while it makes progress, and is ready while it takes requests and can answer them.

In: what its parts know. Out: reasons, for probes on any thread.
"""

import asyncio
from collections.abc import Callable

from consumers.heartbeat import Heart
from consumers.request_listener import RequestListener
from consumers.watchdog import Watchdog
from observability.health import Check, Health

SILENT_SECONDS = 10.0
"""A dependency that has not answered for longer makes the worker unready. It goes on trying, and no turn is lost."""


def bring_checks(
    health: Health, watchdog: Watchdog, requests: RequestListener, heart: Heart, leaving: asyncio.Event
) -> None:
    """Adds the worker's checks to its process's."""
    health.alive_unless(watchdog.why_stuck)
    health.ready_unless(lambda: "draining" if leaving.is_set() else None)
    health.ready_unless(lambda: _why_not_taking(requests))
    health.ready_unless(_silence("the broker", watchdog.broker_silent_seconds))
    health.ready_unless(_silence("the store", heart.store_silent_seconds))


def _why_not_taking(requests: RequestListener) -> str | None:
    if requests.is_behind_the_times:
        return "requests of a newer version wait for an upgraded worker"
    return None if requests.progress.is_member else "joining the group of workers"


def _silence(of: str, seconds: Callable[[], float]) -> Check:
    def why() -> str | None:
        silent_seconds = seconds()
        return f"{of} has not answered for {silent_seconds:.0f} s" if silent_seconds > SILENT_SECONDS else None

    return why
