"""After every broker answers: do they know each other, and our user?"""

import asyncio

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError, NodeNotReadyError

from infra.stack.patience import patiently
from producers.kafka_address import KafkaAddress


def await_all_brokers(address: KafkaAddress, brokers: int) -> None:
    """Returns when the metadata names every broker. Raises ServerFailed."""

    def ask() -> None:
        known = asyncio.run(_brokers(address))
        if known < brokers:
            raise NodeNotReadyError(f"{known} of {brokers} brokers are there")

    patiently("Kafka's brokers did not find each other", ask, (KafkaError,))


async def _brokers(address: KafkaAddress) -> int:
    admin = AIOKafkaAdminClient(**address.options(), request_timeout_ms=5000)
    try:
        await admin.start()
        return len((await admin.describe_cluster())["brokers"])
    finally:
        await admin.close()
