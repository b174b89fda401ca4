"""Stops an aiokafka consumer for good, also when its own `stop` is cut off or fails: that runs only once.

In: a consumer, started or not. Out: none of its tasks runs on and its sockets are closed.
"""

import asyncio
from typing import Any

import structlog

log = structlog.get_logger(__name__)

TASKS_SECONDS = 1.0


async def close_consumer(consumer: Any) -> None:
    """Leaves the group, if it is in one. Cancelled meanwhile, as by a timeout, it still lets nothing open."""
    try:
        await consumer.stop()
    except asyncio.CancelledError:
        await _abandon(consumer)
        # `stop` awaits what it cancels: a fetch that waits after a failure, with the broker away, cancels its caller.
        if (task := asyncio.current_task()) is not None and task.cancelling():
            raise
        log.info("kafka_consumer_abandoned")
    except BaseException:
        await _abandon(consumer)
        raise


async def _abandon(consumer: Any) -> None:
    """Tasks first: one that runs on would connect again."""
    tasks = _tasks_of(consumer)
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks, timeout=TASKS_SECONDS)
    await consumer._client.close()


def _tasks_of(consumer: Any) -> set[asyncio.Task[Any]]:
    coordinator, fetcher = consumer._coordinator, consumer._fetcher
    known = [
        getattr(coordinator, "_coordination_task", None),
        getattr(coordinator, "_heartbeat_task", None),
        getattr(coordinator, "_commit_refresh_task", None),
        getattr(fetcher, "_fetch_task", None),
        *getattr(fetcher, "_pending_tasks", ()),
    ]
    return {task for task in known if task is not None and not task.done()}
