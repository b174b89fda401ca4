"""Before a role starts: are the topics there? A writer would wait for a missing one for ever.

In: where Kafka is. Out: nothing once the brokers answer and have every topic; waits while none answers.
"""

import asyncio

import structlog

from infra.refused import Refused
from infra.topics.broker_admin import NoBroker, broker_admin
from producers.kafka_address import KafkaAddress
from schemas.topics import MANIFEST

log = structlog.get_logger(__name__)

PAUSE_SECONDS = 2.0


class TopicsMissing(Refused):
    """The brokers answer and lack topics of the manifest."""


async def topics_present(kafka: KafkaAddress) -> None:
    """Waits for a broker; then raises TopicsMissing or SignInRefused, or returns."""
    while True:
        try:
            missing = await _missing(kafka)
        except NoBroker as error:
            log.warning("waiting_for_kafka", reason=str(error))
            await asyncio.sleep(PAUSE_SECONDS)
            continue
        if missing:
            where = kafka.bootstrap_servers
            raise TopicsMissing(f"{', '.join(missing)} missing at {where}: make the topics first, with `samvad topics`")
        return


async def _missing(kafka: KafkaAddress) -> list[str]:
    async with broker_admin(kafka) as admin:
        leaders = await admin.leaders()
    return [topic.name for topic in MANIFEST if topic.name not in leaders]
