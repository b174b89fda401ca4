"""The one way to write to Kafka: acks=all, idempotent, in order, with a deadline, and replaced when wedged (K15-K19).

Records go in by `submit` and come out as a future that ends when the broker acknowledged. Everything not yet
acknowledged is kept in order; when a producer can't be trusted any more, a new one sends all of it again. So a record
may be written twice but never out of order and never not at all; readers drop repeats by `seq` or id. A record that the
broker refuses keeps no other one back: it is found by being sent alone, and given up with RecordRefused.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from types import TracebackType
from typing import Any, Self

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import (
    CorruptRecordException,
    InvalidTimestampError,
    InvalidTopicError,
    MessageSizeTooLargeError,
    PolicyViolationError,
    RecordListTooLargeError,
    TopicAuthorizationFailedError,
)

from producers.company import Company
from producers.connected_producer import WriterSettings, connected_producer
from producers.errors import NotAttempted, OutcomeUnknown, RecordRefused, RecordTooLarge
from producers.partition_count import NoSuchTopic, partition_count
from producers.record import Place, Record
from producers.unacknowledged import Entry, Unacknowledged, consume, memory_bytes

__all__ = ["KafkaWriter", "Place", "Record"]

log = structlog.get_logger(__name__)

MAX_PAUSE_SECONDS = 2.0
REFUSALS = (
    MessageSizeTooLargeError,
    RecordListTooLargeError,
    InvalidTopicError,
    TopicAuthorizationFailedError,
    PolicyViolationError,
    CorruptRecordException,
    InvalidTimestampError,
)
"""A batch that the broker answers with one of these is refused for what is in it: no other producer will be luckier."""


class _ProducerNotTrusted(Exception):
    """This producer failed or stalled: nothing more may be given to it."""


@dataclass(frozen=True, slots=True)
class _Serving:
    """A producer, what ends it, and the tasks that end with it."""

    producer: Any
    failure: asyncio.Future[None]
    tasks: asyncio.TaskGroup


class KafkaWriter:
    """Writes records in the order given. An async context manager; leaving it flushes for `flush_seconds`."""

    def __init__(self, settings: WriterSettings) -> None:
        self._settings = settings
        self._unacknowledged = Unacknowledged()
        self._to_send: deque[Entry] = deque()
        self._parked: dict[str, list[Entry]] = {}
        """By topic, while it is asked how many partitions that has: other topics' records go on meanwhile."""
        self._company = Company(settings.linger_ms / 1000)
        self._partition_counts: dict[str, int] = {}
        self.replacements = 0

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._run(), name=f"kafka-writer-{self._settings.client_id}")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._company.end_waiting()
        await self._flush(self._settings.flush_seconds)
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task
        self._give_up_on_all()

    @property
    def unacknowledged_records(self) -> int:
        return len(self._unacknowledged)

    @property
    def unacknowledged_bytes(self) -> int:
        return self._unacknowledged.bytes

    def submit(self, record: Record, at_once: bool = False) -> asyncio.Future[None]:
        """Queues a record. The future ends when the broker has it; it may fail with RecordRefused or OutcomeUnknown.

        It leaves with what comes within `linger_ms`; or at once, with all before it, where somebody waits for it.
        Raises NotAttempted when more than `max_pending_bytes` wait for the broker.
        """
        if self._unacknowledged.bytes + memory_bytes(record) > self._settings.max_pending_bytes:
            raise NotAttempted("too many records wait for the broker")
        entry = self._unacknowledged.add(record)
        self._to_send.append(entry)
        self._company.join(at_once)
        return entry.acknowledged

    async def write(self, record: Record, within_seconds: float) -> None:
        """Writes a record and waits for the broker. Raises NotAttempted, RecordRefused or OutcomeUnknown."""
        acknowledged = self.submit(record)
        try:
            async with asyncio.timeout(within_seconds):
                await asyncio.shield(acknowledged)
        except TimeoutError as error:
            raise OutcomeUnknown(f"no acknowledgement within {within_seconds} s") from error

    async def _run(self) -> None:
        pause_seconds = 0.05
        while True:
            try:
                async with self._trusted_producer() as producer:
                    pause_seconds = 0.05
                    await self._serve(producer)
            except Exception as error:  # whatever broke it: what waits must go out through the next producer
                self.replacements += 1
                log.warning("kafka_producer_replaced", reason=_reason(error), waiting=len(self._unacknowledged))
            await asyncio.sleep(pause_seconds)
            pause_seconds = min(MAX_PAUSE_SECONDS, pause_seconds * 2)

    @asynccontextmanager
    async def _trusted_producer(self) -> AsyncIterator[Any]:
        async with connected_producer(replace(self._settings, linger_ms=0)) as producer:
            self._partition_counts.clear()  # a topic may have been made anew
            self._parked.clear()
            for entry in self._unacknowledged:
                entry.handed_over_at = 0.0
            self._to_send = deque(self._unacknowledged)
            yield producer

    async def _serve(self, producer: AIOKafkaProducer) -> None:
        failure: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        failure.add_done_callback(consume)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._send_all(_Serving(producer, failure, tasks)))
            tasks.create_task(self._watch_for_a_stall())
            await failure

    async def _send_all(self, serving: _Serving) -> None:
        while True:
            while self._to_send:
                await self._send(serving, self._to_send.popleft())
            self._company.left()
            await self._company.gathered()

    async def _send(self, serving: _Serving, entry: Entry) -> None:
        topic = entry.record.topic
        count = self._partition_counts.get(topic)
        if count is None:
            self._park(serving, entry)
            return
        if entry.is_suspect:
            await serving.producer.flush()  # so that it shares its batch with no other record
        delivery = await self._hand_over(serving.producer, entry, count)
        if delivery is not None:
            delivery.add_done_callback(partial(self._on_delivery, entry, serving.failure))
            if entry.is_suspect:
                await asyncio.wait([delivery])

    def _park(self, serving: _Serving, entry: Entry) -> None:
        topic = entry.record.topic
        if topic not in self._parked:
            serving.tasks.create_task(self._unpark_once_known(serving.producer, topic))
        self._parked.setdefault(topic, []).append(entry)

    async def _unpark_once_known(self, producer: AIOKafkaProducer, topic: str) -> None:
        try:
            self._partition_counts[topic] = await partition_count(producer, topic)
        except NoSuchTopic as error:
            for entry in self._parked.pop(topic):
                self._refuse(entry, RecordRefused(str(error)))
        else:
            # In front: the topic's later records wait behind them.
            self._to_send.extendleft(reversed(self._parked.pop(topic)))
            self._company.join(at_once=True)

    async def _hand_over(self, producer: AIOKafkaProducer, entry: Entry, count: int) -> asyncio.Future[Any] | None:
        """The delivery that the producer promises, or None if it can never take this record."""
        entry.handed_over_at = asyncio.get_running_loop().time()
        record = entry.record
        try:
            place = record.placed(count)
            delivery: asyncio.Future[Any] = await producer.send(
                record.topic, record.value, key=place.key, partition=place.partition, headers=record.headers
            )
        except MessageSizeTooLargeError as error:
            self._refuse(entry, RecordTooLarge(str(error)))
            return None
        except (TypeError, ValueError) as error:  # its key is no text, a header no bytes: it is like that every time
            self._refuse(entry, RecordRefused(repr(error)))
            return None
        return delivery

    def known_partition_count(self, topic: str) -> int | None:
        """How many partitions a topic has, if a record was written to it already."""
        return self._partition_counts.get(topic)

    def _on_delivery(self, entry: Entry, failure: asyncio.Future[None], delivery: asyncio.Future[Any]) -> None:
        error = None if delivery.cancelled() else delivery.exception()
        if not delivery.cancelled() and error is None:
            self._unacknowledged.settle(entry)
            return
        if isinstance(error, REFUSALS):
            self._on_refusal(entry, error)
        if not failure.done():
            failure.set_exception(_ProducerNotTrusted(repr(error)))

    def _on_refusal(self, entry: Entry, error: Exception) -> None:
        """Of a whole batch, whoever is in it; of one alone, it is meant. The producer is lost either way (K16)."""
        if not entry.is_suspect:
            entry.is_suspect = True
        elif isinstance(error, MessageSizeTooLargeError | RecordListTooLargeError):
            self._refuse(entry, RecordTooLarge(str(error)))
        else:
            self._refuse(entry, RecordRefused(str(error)))

    def _refuse(self, entry: Entry, error: RecordRefused) -> None:
        log.error("record_refused", topic=entry.record.topic, bytes=len(entry.record.value), reason=str(error))
        self._unacknowledged.settle(entry, error)

    async def _watch_for_a_stall(self) -> None:
        """K15: a producer may hang for ever; one that acknowledges nothing for `stall_seconds` is replaced."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(self._settings.stall_seconds / 4)
            handed_over_at = self._unacknowledged.oldest_handed_over_at()
            if handed_over_at is not None and loop.time() - handed_over_at > self._settings.stall_seconds:
                raise _ProducerNotTrusted("the broker acknowledges nothing")

    async def _flush(self, seconds: float) -> None:
        waiting = [entry.acknowledged for entry in self._unacknowledged]
        if waiting:
            await asyncio.wait(waiting, timeout=seconds)

    def _give_up_on_all(self) -> None:
        for entry in self._unacknowledged:
            self._unacknowledged.settle(entry, OutcomeUnknown("the writer was closed"))


def _reason(error: Exception) -> str:
    """What broke first, of a group of tasks too."""
    return repr(error.exceptions[0] if isinstance(error, ExceptionGroup) else error)
