"""The one way to write to Kafka: acks=all, idempotent, in order, with a deadline, and replaced when wedged (K15-K19).

Records go in by `submit` and come out as a future that ends when the broker acknowledged. Everything not yet
acknowledged is kept in order; when a producer can't be trusted any more, a new one sends all of it again. So a record
may be written twice but never out of order and never not at all; readers drop repeats by `seq` or id.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from types import TracebackType
from typing import Any, Self

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import MessageSizeTooLargeError

from producers.company import Company
from producers.connected_producer import WriterSettings, connected_producer
from producers.errors import NotAttempted, OutcomeUnknown, RecordRefused
from schemas.headers import Headers
from schemas.topics import partition_of

log = structlog.get_logger(__name__)

MAX_PAUSE_SECONDS = 2.0
RECORD_BYTES = 2_000
"""What a waiting record takes beside its value: its headers, future and place here, and the producer's (measured:
1.2 KB of the first). Counting only values, 32 MiB of small frames took 900 MB."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a record goes that is written once more as it was, with a key that need not be text."""

    partition: int
    key: bytes | None


@dataclass(frozen=True, slots=True)
class Record:
    """One record to write. Its partition follows from the key, unless `place` says both."""

    topic: str
    key: str
    value: bytes
    headers: Headers
    place: Place | None = None


@dataclass(slots=True)
class _Unacknowledged:
    number: int
    record: Record
    acknowledged: asyncio.Future[None]
    handed_over_at: float = field(default=0.0)


class _ProducerNotTrusted(Exception):
    """This producer failed or stalled: nothing more may be given to it."""


class KafkaWriter:
    """Writes records in the order given. An async context manager; leaving it flushes for `flush_seconds`."""

    def __init__(self, settings: WriterSettings) -> None:
        self._settings = settings
        self._unacknowledged: dict[int, _Unacknowledged] = {}
        self._to_send: deque[_Unacknowledged] = deque()
        self._company = Company(settings.linger_ms / 1000)
        self._pending_bytes = 0
        self._count = 0
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
        return self._pending_bytes

    def submit(self, record: Record, at_once: bool = False) -> asyncio.Future[None]:
        """Queues a record. The future ends when the broker has it; it may fail with RecordRefused or OutcomeUnknown.

        It leaves with what comes within `linger_ms`; or at once, with all before it, where somebody waits for it.
        Raises NotAttempted when more than `max_pending_bytes` wait for the broker.
        """
        if self._pending_bytes + _memory_bytes(record) > self._settings.max_pending_bytes:
            raise NotAttempted("too many records wait for the broker")
        entry = self._remember(record)
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

    def _remember(self, record: Record) -> _Unacknowledged:
        self._count += 1
        acknowledged = asyncio.get_running_loop().create_future()
        acknowledged.add_done_callback(_consume)
        entry = _Unacknowledged(self._count, record, acknowledged)
        self._unacknowledged[entry.number] = entry
        self._pending_bytes += _memory_bytes(record)
        return entry

    def _settle(self, entry: _Unacknowledged, error: Exception | None = None) -> None:
        if self._unacknowledged.pop(entry.number, None) is None:
            return
        self._pending_bytes -= _memory_bytes(entry.record)
        if entry.acknowledged.done():
            return
        if error is None:
            entry.acknowledged.set_result(None)
        else:
            entry.acknowledged.set_exception(error)

    async def _run(self) -> None:
        pause_seconds = 0.05
        while True:
            try:
                async with self._trusted_producer() as producer:
                    pause_seconds = 0.05
                    await self._serve(producer)
            except Exception as error:  # whatever broke it: what waits must go out through the next producer
                self.replacements += 1
                log.warning("kafka_producer_replaced", reason=repr(error), waiting=len(self._unacknowledged))
            await asyncio.sleep(pause_seconds)
            pause_seconds = min(MAX_PAUSE_SECONDS, pause_seconds * 2)

    @asynccontextmanager
    async def _trusted_producer(self) -> AsyncIterator[Any]:
        async with connected_producer(replace(self._settings, linger_ms=0)) as producer:
            self._partition_counts.clear()  # a topic may have been made anew
            for entry in self._unacknowledged.values():
                entry.handed_over_at = 0.0
            self._to_send = deque(self._unacknowledged.values())
            yield producer

    async def _serve(self, producer: AIOKafkaProducer) -> None:
        failure: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        failure.add_done_callback(_consume)
        sending = asyncio.create_task(self._send_all(producer, failure))
        watching = asyncio.create_task(self._watch_for_a_stall())
        try:
            done, _ = await asyncio.wait({sending, watching, failure}, return_when=asyncio.FIRST_COMPLETED)
            for ended in done:
                ended.result()
        finally:
            await _cancel(sending, watching)

    async def _send_all(self, producer: AIOKafkaProducer, failure: asyncio.Future[None]) -> None:
        while True:
            while self._to_send:
                entry = self._to_send.popleft()
                delivery = await self._hand_over(producer, entry)
                if delivery is not None:
                    delivery.add_done_callback(partial(self._on_delivery, entry, failure))
            self._company.left()
            await self._company.gathered()

    async def _hand_over(self, producer: AIOKafkaProducer, entry: _Unacknowledged) -> asyncio.Future[Any] | None:
        """The delivery that the producer promises, or None if it can never take this record."""
        entry.handed_over_at = asyncio.get_running_loop().time()
        record = entry.record
        count = await self._partition_count(producer, record.topic)
        place = record.place or Place(partition_of(record.key, count), record.key.encode())
        try:
            delivery: asyncio.Future[Any] = await producer.send(
                record.topic,
                record.value,
                key=place.key,
                partition=place.partition % count,
                headers=record.headers,
            )
        except MessageSizeTooLargeError as error:
            self._settle(entry, RecordRefused(str(error)))
            return None
        return delivery

    def known_partition_count(self, topic: str) -> int | None:
        """How many partitions a topic has, if a record was written to it already."""
        return self._partition_counts.get(topic)

    async def _partition_count(self, producer: AIOKafkaProducer, topic: str) -> int:
        count = self._partition_counts.get(topic)
        if count is None:
            count = self._partition_counts[topic] = len(await producer.partitions_for(topic))
        return count

    def _on_delivery(
        self, entry: _Unacknowledged, failure: asyncio.Future[None], delivery: asyncio.Future[Any]
    ) -> None:
        error = None if delivery.cancelled() else delivery.exception()
        if not delivery.cancelled() and error is None:
            self._settle(entry)
        elif not failure.done():
            failure.set_exception(_ProducerNotTrusted(repr(error)))

    async def _watch_for_a_stall(self) -> None:
        """K15: a producer may hang for ever; one that acknowledges nothing for `stall_seconds` is replaced."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(self._settings.stall_seconds / 4)
            oldest = next(iter(self._unacknowledged.values()), None)
            handed_over_at = oldest.handed_over_at if oldest else 0.0
            if handed_over_at and loop.time() - handed_over_at > self._settings.stall_seconds:
                raise _ProducerNotTrusted("the broker acknowledges nothing")

    async def _flush(self, seconds: float) -> None:
        waiting = [entry.acknowledged for entry in self._unacknowledged.values()]
        if waiting:
            await asyncio.wait(waiting, timeout=seconds)

    def _give_up_on_all(self) -> None:
        for entry in list(self._unacknowledged.values()):
            self._settle(entry, OutcomeUnknown("the writer was closed"))


def _memory_bytes(record: Record) -> int:
    return RECORD_BYTES + len(record.value)


def _consume(future: asyncio.Future[None]) -> None:
    """Marks a failure as seen, for callers that publish and go on."""
    if not future.cancelled():
        future.exception()


async def _cancel(*tasks: asyncio.Task[None]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
