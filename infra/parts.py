"""What the composition roots share: writers, tracing, the sign-in secret, the edge's and the worker's parts."""

import os
import secrets
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from consumers.dispatching import Settle
from consumers.worker import ModelDoor, WorkerParts
from observability.monitoring import Monitored
from observability.tracing import Tracing
from producers.connected_producer import WriterSettings
from producers.kafka_address import KafkaAddress
from producers.kafka_writer import KafkaWriter
from producers.notice_producers import ControlProducer
from producers.reply_producer import ReplyProducer
from schemas.models_file import ModelsFile
from store.sqlite.opening import SqliteStore
from store.timing import time_calls
from ws_edge.building import EdgeParts
from ws_edge.dev_sign_in import DevSignIn
from ws_edge.models_offered import OfferedModels
from ws_edge.reply_listener import ReplyListener
from ws_edge.traced_requests import TraceableRequests, TracedRequests

SECRET_BYTES = 32


@dataclass(frozen=True, slots=True)
class Broker:
    """Where Kafka is. The embedded broker answers an empty fetch only after the whole wait: keep it short there."""

    kafka: KafkaAddress
    fetch_wait_ms: int = 100
    rebuild_seconds: float | None = 120.0


@dataclass(frozen=True, slots=True)
class Writers:
    """K18: one writer for frames, which may wait for company, and one for all that somebody waits for."""

    frames: KafkaWriter
    records: KafkaWriter


@asynccontextmanager
async def open_writers(broker: Broker, role: str, linger_ms: int) -> AsyncIterator[Writers]:
    """Both writers, flushed on leaving."""
    frames = KafkaWriter(WriterSettings(broker.kafka, f"{role}-frames", linger_ms=linger_ms))
    records = KafkaWriter(WriterSettings(broker.kafka, f"{role}-records"))
    async with frames, records:
        yield Writers(frames, records)


def sign_in_secret(data: Path) -> bytes:
    """The development sign-in's secret: made once per data folder, so that tokens outlive a restart."""
    file = data / "sign-in-secret"
    if not file.exists():
        _make_secret(file)
    return file.read_bytes()


def _make_secret(file: Path) -> None:
    """Whole or not at all, whoever is killed; of two processes that make it at once, the first one's stays."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor, draft = tempfile.mkstemp(dir=file.parent)
    with os.fdopen(descriptor, "wb") as secret:
        secret.write(secrets.token_bytes(SECRET_BYTES))
    with suppress(FileExistsError):
        os.link(draft, file)
    os.unlink(draft)


@dataclass(frozen=True, slots=True)
class Common:
    """What an edge and a worker of one process, or each of its own, are built from."""

    broker: Broker
    store: SqliteStore
    writers: Writers
    tracing: Tracing
    monitored: Monitored

    def __post_init__(self) -> None:
        time_calls(self.store, self.monitored.process.note_store_call)
        self.monitored.process.watch_writers({"frames": self.writers.frames, "records": self.writers.records})


def edge_parts(common: Common, models: ModelsFile, requests: TraceableRequests, secret: bytes) -> EdgeParts:
    """An edge's parts."""
    sign_in, store, broker = DevSignIn(secret), common.store, common.broker
    return EdgeParts(
        sign_in=sign_in,
        dev_sign_in=sign_in,
        models=OfferedModels(models.default_alias, {alias: models.title_of(alias) for alias in models.names}),
        source=ReplyListener(broker.kafka, broker.rebuild_seconds, broker.fetch_wait_ms),
        requests=TracedRequests(requests, common.tracing),
        replies=ReplyProducer(common.writers.records),
        control=ControlProducer(common.writers.records),
        turns=store.turns,
        checkpoints=store.checkpoints,
        messages=store.messages,
        conversations=store.conversations,
        health=common.monitored.health,
    )


def worker_parts(common: Common, worker_id: str, door: ModelDoor, settle: Settle | None = None) -> WorkerParts:
    """A worker's parts."""
    return WorkerParts(
        worker_id=worker_id,
        kafka=common.broker.kafka,
        fetch_wait_ms=common.broker.fetch_wait_ms,
        store=common.store,
        frames=common.writers.frames,
        records=common.writers.records,
        door=door,
        tracing=common.tracing,
        settle=settle,
    )
