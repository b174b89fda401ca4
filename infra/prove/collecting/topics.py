"""What was written to `chat.replies` and `chat.usage`, from their first record to the last one of this moment.

In: where Kafka is. Out: a `Published` for each reply, a `Billed` for each usage record, in the order of partitions.
"""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition

from infra.prove.events import Billed, Published
from infra.prove.recording import Recorder
from producers.consumer_closing import close_consumer
from producers.kafka_address import KafkaAddress
from schemas.codec import decode_usage
from schemas.headers import read_reply_headers
from schemas.topics import REPLIES, USAGE

POLL_MS = 500
BATCH = 2000


async def collect_topics(kafka: KafkaAddress, recorder: Recorder) -> None:
    """Raises KafkaError."""
    async for record in _all_of(kafka, REPLIES.name):
        recorder.write(_published(record))
    async for record in _all_of(kafka, USAGE.name):
        recorder.write(Billed(at=time.monotonic(), record=decode_usage(record.value)))


async def _all_of(kafka: KafkaAddress, topic: str) -> AsyncIterator[Any]:
    async with _reader(kafka, topic) as reader:
        partitions = [TopicPartition(topic, number) for number in reader.partitions_for_topic(topic)]
        reader.assign(partitions)
        ends = await reader.end_offsets(partitions)
        await reader.seek_to_beginning(*partitions)
        while any([await reader.position(partition) < ends[partition] for partition in partitions]):
            for records in (await reader.getmany(timeout_ms=POLL_MS, max_records=BATCH)).values():
                for record in records:
                    yield record


@asynccontextmanager
async def _reader(kafka: KafkaAddress, topic: str) -> AsyncIterator[Any]:
    reader = AIOKafkaConsumer(**kafka.options(), enable_auto_commit=False, auto_offset_reset="earliest")
    reader.assign([TopicPartition(topic, 0)])  # so that starting waits for the topic's metadata
    await reader.start()
    try:
        yield reader
    finally:
        await close_consumer(reader)


def _published(record: Any) -> Published:
    address = read_reply_headers(record.headers)
    return Published(
        at=record.timestamp / 1000,
        partition=record.partition,
        offset=record.offset,
        user_id=record.key.decode(),
        turn_id=address.turn_id,
        seq=address.seq,
        kind=address.kind,
        frame=msgspec.Raw(record.value),
    )
