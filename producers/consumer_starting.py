"""Starts an aiokafka consumer, also while no broker can be reached: a role that waits is better than one that ends.

In: a consumer that was built just now (K7). Out: it is started.
"""

import asyncio
from typing import Any

import structlog
from aiokafka.errors import KafkaConnectionError

log = structlog.get_logger(__name__)

PAUSE_SECONDS = 1.0


async def start_consumer(consumer: Any) -> None:
    """Returns once a broker answers. Raises all that waiting does not mend."""
    while True:
        try:
            await consumer.start()
        except KafkaConnectionError as error:
            if consumer._fetcher is not None:
                raise  # it was reached, and can't be started a second time
            log.warning("waiting_for_kafka", reason=str(error))
            await asyncio.sleep(PAUSE_SECONDS)
        else:
            return
