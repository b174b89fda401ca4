"""What the composition roots share: the broker's address, the writers, and what every role is built from."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from observability.monitoring import Monitored
from observability.tracing import Tracing
from producers.connected_producer import WriterSettings
from producers.kafka_address import KafkaAddress
from producers.kafka_writer import KafkaWriter
from store.timing import time_calls

if TYPE_CHECKING:
    from infra.stores import Store


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


@dataclass(frozen=True, slots=True)
class Common:
    """What an edge and a worker of one process, or each of its own, are built from.

    `instance_id` names the process: to the other workers, in traces, in logs.
    """

    instance_id: str
    broker: Broker
    store: "Store"
    writers: Writers
    tracing: Tracing
    monitored: Monitored

    def __post_init__(self) -> None:
        time_calls(self.store, self.monitored.process.note_store_call)
        self.monitored.process.watch_writers({"frames": self.writers.frames, "records": self.writers.records})
