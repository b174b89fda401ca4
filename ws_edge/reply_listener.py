"""Step 8 of a turn: reads all reply partitions, without a group, for as long as the edge lives (DESIGN 6.8).

In: `chat.replies`. Out: each reply, in the order of its partition, to whoever takes it. At start the last two minutes
are read again (embedded: everything), up to the end offsets of that moment; then `ready` is set.
"""

import asyncio
import importlib
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError

from producers.consumer_closing import close_consumer
from producers.consumer_starting import start_consumer
from producers.kafka_address import KafkaAddress
from schemas.headers import ReplyAddress, UnreadableHeaders, read_reply_headers
from schemas.topics import REPLIES
from ws_edge.lag import Lag

importlib.import_module("aiokafka.record._crecords")  # K22: without its C extension it is six times slower: fail here

log = structlog.get_logger(__name__)

TakeReply = Callable[[str, ReplyAddress, bytes, int], None]
"""User, address, the frame's bytes, and when the broker took it, in milliseconds since 1970."""

PAUSE_SECONDS = 0.005
"""Between polls: fewer, fuller fetches (measured: -28 % of the broker's CPU per frame, -16 % of the edge's)."""
POLL_MS = 200
MAX_RECORDS = 500
LAG_CHECK_SECONDS = 2.0
ENDS_SECONDS = 3.0
REQUEST_TIMEOUT_MS = 10_000
"""How long a frozen broker may go unnoticed (K19)."""
FATAL_LAG_SECONDS = 60.0


class ReplyListenerError(Exception):
    """The replies can't be read: the process should end and be started again."""


class ReplyListener:
    """Reads replies. `rebuild_seconds`: how much of the past is read at start; None reads all (embedded broker)."""

    def __init__(
        self, kafka: KafkaAddress, rebuild_seconds: float | None = 120.0, fetch_max_wait_ms: int = 100
    ) -> None:
        self._kafka = kafka
        self._rebuild_seconds = rebuild_seconds
        self._fetch_max_wait_ms = fetch_max_wait_ms
        self._positions: dict[TopicPartition, int] = {}
        self._lag = Lag()
        self.ready = asyncio.Event()
        self.unreadable = 0

    def lag_seconds(self) -> float:
        """How long this edge has been behind the log."""
        return self._lag.seconds(time.monotonic())

    async def run(self, take: TakeReply, stop: asyncio.Event) -> None:
        """Reads until `stop`; waits for a broker at first. Raises KafkaError and ReplyListenerError."""
        consumer = AIOKafkaConsumer(
            **self._kafka.options(),
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            fetch_max_wait_ms=self._fetch_max_wait_ms,
            request_timeout_ms=REQUEST_TIMEOUT_MS,
        )
        consumer.assign([TopicPartition(REPLIES.name, 0)])  # so that starting waits for the topic's metadata
        try:
            await start_consumer(consumer)
            ends = await self._assign(consumer)
            async with asyncio.TaskGroup() as tasks:
                watchdog = tasks.create_task(self._watch_lag(consumer))
                await self._read(consumer, take, stop, ends)
                watchdog.cancel()
        finally:
            await close_consumer(consumer)

    async def _assign(self, consumer: Any) -> dict[TopicPartition, int]:
        """Assigns every partition and seeks explicitly: nothing else would (K21). The end offsets of now."""
        partitions = [TopicPartition(REPLIES.name, each) for each in consumer.partitions_for_topic(REPLIES.name)]
        consumer.assign(partitions)
        ends = await consumer.end_offsets(partitions)
        for partition, offset in (await self._starts(consumer, partitions, ends)).items():
            consumer.seek(partition, offset)
            self._positions[partition] = offset
        return dict(ends)

    async def _starts(
        self, consumer: Any, partitions: list[TopicPartition], ends: dict[TopicPartition, int]
    ) -> dict[TopicPartition, int]:
        beginnings: dict[TopicPartition, int] = await consumer.beginning_offsets(partitions)
        if self._rebuild_seconds is None:
            return beginnings
        since_ms = int((time.time() - self._rebuild_seconds) * 1000)
        found = await consumer.offsets_for_times(dict.fromkeys(partitions, since_ms))
        # None: nothing is that young, so there is nothing to read again.
        return {partition: ends[partition] if at is None else at.offset for partition, at in found.items()}

    async def _read(self, consumer: Any, take: TakeReply, stop: asyncio.Event, ends: dict[TopicPartition, int]) -> None:
        """Never cancelled while it polls: one cancelled `getmany` would switch off liveness for good (K6)."""
        while not stop.is_set():
            batches = await consumer.getmany(timeout_ms=POLL_MS, max_records=MAX_RECORDS)
            count = sum(self._take_all(partition, records, take) for partition, records in batches.items())
            if not self.ready.is_set() and all(self._positions[each] >= end for each, end in ends.items()):
                log.info("replies_rebuilt", partitions=len(ends), unreadable=self.unreadable)
                self.ready.set()
            await asyncio.sleep(0 if count == MAX_RECORDS else PAUSE_SECONDS)

    def _take_all(self, partition: TopicPartition, records: Iterable[ConsumerRecord[Any, Any]], take: TakeReply) -> int:
        count = 0
        for record in records:
            self._take(record, take)
            self._positions[partition] = record.offset + 1
            count += 1
        return count

    def _take(self, record: Any, take: TakeReply) -> None:
        """What can't be read is skipped: no deserializers, or the same batch would come again for ever (K20)."""
        try:
            user_id = record.key.decode()
            address = read_reply_headers(record.headers)
            if record.value is None:
                raise UnreadableHeaders("a reply record without a frame")
        except (UnreadableHeaders, UnicodeDecodeError, AttributeError) as error:
            self.unreadable += 1
            log.warning("reply_unreadable", partition=record.partition, offset=record.offset, reason=repr(error))
            return
        take(user_id, address, record.value, record.timestamp)

    async def _watch_lag(self, consumer: Any) -> None:
        while self.lag_seconds() <= FATAL_LAG_SECONDS:
            await asyncio.sleep(LAG_CHECK_SECONDS)
            ends = await _ends(consumer, list(self._positions))
            if ends is None:
                self._lag.forget()
            else:
                self._lag.observe(ends, self._positions, time.monotonic())
        raise ReplyListenerError(f"more than {FATAL_LAG_SECONDS} s behind the replies")


async def _ends(consumer: Any, partitions: list[TopicPartition]) -> Mapping[TopicPartition, int] | None:
    """The end offsets; None while the broker is away, for that is not this edge's lag."""
    try:
        async with asyncio.timeout(ENDS_SECONDS):
            ends: Mapping[TopicPartition, int] = await consumer.end_offsets(partitions)
    except (KafkaError, TimeoutError) as error:
        log.warning("reply_ends_unknown", reason=repr(error))
        return None
    return ends
