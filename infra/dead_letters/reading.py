"""Reads the topic of dead letters from its beginning to the end that it has at that moment.

In: where Kafka is. Out: the letters. No group, no commits: looking changes nothing.
"""

from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from infra.dead_letters.letters import Letters
from infra.refused import Refused
from infra.topics.broker_admin import broker_admin
from producers.consumer_closing import close_consumer
from producers.kafka_address import KafkaAddress
from schemas.topics import DEAD_LETTERS

POLL_MS = 500
SILENT_POLLS = 20


class NoDeadLetters(Refused):
    """The letters can't be read; the text says what to look at."""


async def read_letters(kafka: KafkaAddress) -> Letters:
    """Raises NoBroker, SignInRefused or NoDeadLetters."""
    partitions = await _partitions(kafka)
    consumer = AIOKafkaConsumer(**kafka.options(), enable_auto_commit=False, auto_offset_reset="earliest")
    consumer.assign(partitions)
    try:
        await consumer.start()
        return await _read_all(consumer, await _ends(consumer, partitions))
    except KafkaError as error:
        raise NoDeadLetters(f"{DEAD_LETTERS.name} can't be read ({error!r}): try again") from error
    finally:
        await close_consumer(consumer)


async def _partitions(kafka: KafkaAddress) -> list[TopicPartition]:
    async with broker_admin(kafka) as admin:
        leaders = await admin.leaders()
    if DEAD_LETTERS.name not in leaders:
        where = kafka.bootstrap_servers
        raise NoDeadLetters(f"there is no topic {DEAD_LETTERS.name} at {where}: make the topics with `samvad topics`")
    return [TopicPartition(DEAD_LETTERS.name, number) for number in range(len(leaders[DEAD_LETTERS.name]))]


async def _ends(consumer: Any, partitions: list[TopicPartition]) -> dict[TopicPartition, int]:
    """Where each partition that has records ends now."""
    first = await consumer.beginning_offsets(partitions)
    return {each: end for each, end in (await consumer.end_offsets(partitions)).items() if end > first[each]}


async def _read_all(consumer: Any, ends: dict[TopicPartition, int]) -> Letters:
    letters, silent_polls = Letters(), 0
    while any([await consumer.position(each) < end for each, end in ends.items()]):
        batches = await consumer.getmany(timeout_ms=POLL_MS)
        silent_polls = 0 if batches else silent_polls + 1
        if silent_polls > SILENT_POLLS:
            raise NoDeadLetters(f"{DEAD_LETTERS.name} can't be read to its end: is its partition's leader away?")
        for records in batches.values():
            for record in records:
                letters.take(record)
    return letters
