"""Everything around one worker, in this process: broker, store, writers, and eyes on what it writes.

`running_stage(path, door)` gives a Stage with a running worker; `stage.ask("...")` plays the edge.
Each stage has a broker of its own, because the embedded one lets a group be joined again only after its session time.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from consumers.settings import WorkerSettings
from consumers.worker import ModelDoor, Worker, WorkerParts, running_worker
from infra.embedded_broker import embedded_broker
from observability.monitoring import Monitored, monitoring
from observability.settings import AdminSettings
from observability.tracing import Tracing
from observability.worker_metrics import WorkerMetrics
from producers.connected_producer import WriterSettings
from producers.kafka_address import KafkaAddress
from producers.kafka_writer import KafkaWriter, Record
from producers.notice_producers import ControlProducer
from producers.request_producer import RequestProducer, request_record
from schemas import codec
from schemas.control import StopAsked
from schemas.ids import new_id, turn_id_of, user_id_of
from schemas.requests import Ask
from schemas.topics import REQUESTS, USAGE
from schemas.usage import UsageRecord
from store.rows import MessageRow, TurnRow
from store.sqlite.opening import SqliteStore, open_store
from tests.contracts.deadlines import eventually
from tests.flow.topic_readers import Replies, reading_replies, reading_topic

USER = user_id_of("dev", "asha")
FAST_SETTINGS = WorkerSettings(drain_seconds=2, merge_ms=5, dead_after_seconds=1)


@dataclass
class Stage:
    """A worker and its surroundings."""

    bootstrap: str
    store: SqliteStore
    records: KafkaWriter
    frames: KafkaWriter
    replies: Replies
    spans: InMemorySpanExporter
    tracing: Tracing
    worker_id: str
    worker: Worker
    monitored: Monitored

    async def ask(self, text: str = "Hello?", *, traceparent: str | None = None, **fields: Any) -> Ask:
        """Accepts a question as the edge does."""
        request = a_request(text, **fields)
        await RequestProducer(self.records).ask(request, traceparent)
        return request

    async def ask_again(self, request: Ask) -> None:
        """The same record once more, as a rebalance or a crash before the commit delivers it."""
        await RequestProducer(self.records).ask(request)

    async def write_request(self, value: bytes, request: Ask, headers: list[tuple[str, bytes]] | None = None) -> None:
        """Raw bytes under a request's key (and headers, unless others are given)."""
        record = request_record(request, None)
        given = record.headers if headers is None else headers
        await self.records.write(Record(REQUESTS.name, record.key, value, given), 5)

    async def write_at_once(self, requests: Sequence[Ask]) -> None:
        """Accepts several questions without waiting in between: the worker polls them together."""
        await asyncio.gather(*(self.records.submit(request_record(request, None)) for request in requests))

    async def write_raw(self, topic: str, value: bytes) -> None:
        await self.records.write(Record(topic, new_id(), value, []), 5)

    @property
    def control(self) -> ControlProducer:
        return ControlProducer(self.records)

    async def messages(self, request: Ask) -> list[MessageRow]:
        """The conversation as stored, oldest first."""
        return (await self.store.messages.page(request.user_id, request.conversation_id, None, 100))[::-1]

    async def committed(self) -> int:
        """How many requests the group's committed offsets cover."""
        return await committed_requests(self.bootstrap)

    async def until_committed(self, count: int) -> None:
        async def is_covered() -> bool:
            return await self.committed() >= count

        await eventually(is_covered, seconds=10)

    async def ask_to_stop(self, request: Ask, notify: bool = True) -> None:
        """Plays the edge's part of a stop: the flag in the row, made if there is none, then the notice."""
        row = await self.store.turns.load(request.turn_id)
        while True:
            flagged = msgspec.structs.replace(
                row or unclaimed(request), version=(row.version if row else 0) + 1, stop=True
            )
            row = await self.store.turns.compare_and_set(flagged, row.version if row else None)
            if row is None:
                break
        if notify:
            await self.control.notify(StopAsked(turn_id=request.turn_id))

    async def bills(self, request: Ask, at_least: int = 1) -> list[UsageRecord]:
        """The turn's usage records, in the order written."""

        def of_turn() -> list[UsageRecord]:
            decoded = (codec.decode_usage(record.value) for record in usage.records)
            found = [bill for bill in decoded if bill.turn_id == request.turn_id]
            return found if len(found) >= at_least else []

        async with reading_topic(self.bootstrap, USAGE.name) as usage:
            found: list[UsageRecord] = await usage.until(of_turn)
        return found


def unclaimed(request: Ask) -> TurnRow:
    return TurnRow(turn_id=request.turn_id, user_id=request.user_id, conversation_id=request.conversation_id, version=0)


def a_request(text: str = "Hello?", **fields: Any) -> Ask:
    ids = {"user_id": USER, "conversation_id": new_id(), "request_id": new_id()} | fields
    turn_id = turn_id_of(ids["user_id"], ids["conversation_id"], ids["request_id"])
    return Ask(**{"model": "fast", "accepted_at": "2026-01-01T00:00:00Z", "text": text, "turn_id": turn_id} | ids)


@asynccontextmanager
async def running_stage(
    folder: Path,
    door: ModelDoor,
    settings: WorkerSettings = FAST_SETTINGS,
    worker_id: str | None = None,
    tracing: Tracing | None = None,
    partitions: int | None = None,
    *,
    getting_ready: Callable[[SqliteStore], Awaitable[None]] | None = None,
) -> AsyncIterator[Stage]:
    """A worker on a broker of its own and the store in `folder`; two stages of one folder share the store.

    `partitions` of the requests: None leaves it at the broker's 4, and opens without the second that the broker often
    waits when it is told of topics.
    """
    spans = InMemorySpanExporter()
    async with AsyncExitStack() as stack:
        bootstrap = stack.enter_context(embedded_broker({REQUESTS.name: partitions} if partitions else None))
        kafka = KafkaAddress(bootstrap)
        store = await stack.enter_async_context(open_store(folder / "samvad.db"))
        frames = await stack.enter_async_context(KafkaWriter(WriterSettings(kafka, "frames", linger_ms=2)))
        records = await stack.enter_async_context(KafkaWriter(WriterSettings(kafka, "records")))
        replies = await stack.enter_async_context(reading_replies(bootstrap))
        monitored = await stack.enter_async_context(monitoring(AdminSettings(admin_port=0)))
        parts = WorkerParts(
            worker_id=worker_id or new_id(),
            kafka=kafka,
            fetch_wait_ms=10,
            store=store,
            frames=frames,
            records=records,
            door=door,
            tracing=tracing or tracing_into(spans),
            metrics=WorkerMetrics(monitored.registry),
            health=monitored.health,
        )
        ready = None if getting_ready is None else partial(getting_ready, store)
        worker = await stack.enter_async_context(running_worker(parts, settings, getting_ready=ready))
        yield Stage(
            bootstrap, store, records, frames, replies, spans, parts.tracing, parts.worker_id, worker, monitored
        )


def tracing_into(spans: InMemorySpanExporter) -> Tracing:
    return Tracing(Resource.get_empty(), [SimpleSpanProcessor(spans)])


async def committed_requests(bootstrap: str) -> int:
    """The sum of the worker group's committed offsets."""
    consumer = AIOKafkaConsumer(REQUESTS.name, bootstrap_servers=bootstrap, group_id=None)
    await consumer.start()
    partitions = sorted(consumer.partitions_for_topic(REQUESTS.name) or ())
    await consumer.stop()
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, group_id="workers", enable_auto_commit=False)
    await consumer.start()
    try:
        offsets = [await consumer.committed(TopicPartition(REQUESTS.name, number)) for number in partitions]
        return sum(offset or 0 for offset in offsets)
    finally:
        await consumer.stop()
