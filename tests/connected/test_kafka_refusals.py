"""A real broker refuses a record: it alone is given up, and all the others arrive in their order (K16)."""

import asyncio
from dataclasses import replace

import pytest

from infra.topics.broker_admin import broker_admin
from infra.topics.making import TopicOptions, make_topics
from producers.connected_producer import WriterSettings
from producers.errors import RecordRefused, RecordTooLarge
from producers.kafka_address import KafkaAddress
from producers.kafka_writer import KafkaWriter, Record
from schemas.ids import new_id
from schemas.topics import USAGE
from tests.connected.running_stack import RunningStack
from tests.flow.topic_readers import reading_topic

pytestmark = pytest.mark.connected

COUNT = 150


def record(topic: str, key: str, number: int, size: int) -> Record:
    return Record(topic, key, b"." * size, [("n", str(number).encode())])


async def test_too_large_ones_and_a_missing_topic_cost_nobody_else_anything(stack: RunningStack) -> None:
    kafka, topic = stack.addresses.kafka_address(), replace(USAGE, name=f"small-{new_id()}", partitions=2)
    await make_small_topic(kafka, topic.name)
    async with KafkaWriter(WriterSettings(kafka, "test")) as writer:
        missing = writer.submit(record(f"missing-{new_id()}", "a", 0, 10))
        others = [writer.submit(record(topic.name, key, n, 1_000)) for n in range(COUNT) for key in "ab"]
        large = [writer.submit(record(topic.name, key, 0, 60_000)) for key in "aab"]
        others += [writer.submit(record(topic.name, key, n, 1_000)) for n in range(COUNT, 2 * COUNT) for key in "ab"]
        async with asyncio.timeout(15):
            await asyncio.gather(*others)
            for refused in large:
                with pytest.raises(RecordTooLarge):
                    await refused
            with pytest.raises(RecordRefused, match="there is no topic"):
                await missing
        assert writer.unacknowledged_records == 0
    assert await orders(kafka, topic.name) == {key: list(range(2 * COUNT)) for key in "ab"}


async def make_small_topic(kafka: KafkaAddress, name: str) -> None:
    """One whose largest batch is smaller than what the writer sends at once."""
    topic = replace(USAGE, name=name, partitions=2)
    assert await make_topics(kafka, TopicOptions(manifest=(topic,)), print)
    async with broker_admin(kafka) as admin:
        await admin.adjust(name, {"max.message.bytes": "20000"})


async def orders(kafka: KafkaAddress, name: str) -> dict[str, list[int]]:
    """The numbers of each key in the order read, without repeats."""
    async with reading_topic(kafka.bootstrap_servers, name) as topic:
        found: dict[str, dict[int, None]] = {"a": {}, "b": {}}
        for read in await topic.at_least(4 * COUNT):
            found[read.key.decode()][int(dict(read.headers)["n"])] = None
    return {key: list(numbers) for key, numbers in found.items()}
