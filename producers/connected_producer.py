"""One aiokafka producer for as long as it can be trusted: started with a deadline, and torn down even when it hangs."""

import asyncio
import importlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import structlog
from aiokafka import AIOKafkaProducer

from producers.kafka_address import KafkaAddress
from schemas.topics import MAX_RECORD_BYTES

importlib.import_module("aiokafka.record._crecords")  # K22: without its C extension it is six times slower: fail here

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class WriterSettings:
    """How a writer writes. `linger_ms`: how long records wait for company; K18 advises 5-20 for streams of frames."""

    kafka: KafkaAddress
    client_id: str
    linger_ms: int = 0
    request_timeout_ms: int = 8_000
    stall_seconds: float = 12.0
    start_seconds: float = 10.0
    stop_seconds: float = 2.0
    flush_seconds: float = 5.0
    max_pending_bytes: int = 64 * 1024 * 1024


@asynccontextmanager
async def connected_producer(settings: WriterSettings) -> AsyncIterator[AIOKafkaProducer]:
    """A started producer. Raises KafkaError, OSError or TimeoutError when there is no broker to be reached."""
    producer = _new_producer(settings)
    try:
        async with asyncio.timeout(settings.start_seconds):
            await producer.start()
        yield producer
    except Exception:
        # Nothing may leave it any more: what `stop()` flushed could overtake what the next producer sends again.
        await _abandon(producer)
        raise
    except BaseException:
        await _tear_down(producer, settings.stop_seconds)
        raise
    await _tear_down(producer, settings.stop_seconds)


def _new_producer(settings: WriterSettings) -> AIOKafkaProducer:
    return AIOKafkaProducer(
        **settings.kafka.options(),
        client_id=settings.client_id,
        acks="all",
        enable_idempotence=True,
        linger_ms=settings.linger_ms,
        request_timeout_ms=settings.request_timeout_ms,
        max_batch_size=MAX_RECORD_BYTES,
        max_request_size=2 * MAX_RECORD_BYTES,
    )


async def _tear_down(producer: AIOKafkaProducer, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await producer.stop()
    except Exception as error:  # a producer that is being thrown away may fail in any way
        log.info("kafka_producer_abandoned", reason=repr(error))
        await _abandon(producer)


async def _abandon(producer: AIOKafkaProducer) -> None:
    """K15: `stop()` flushes first and hangs with the broker down; end its sender and sockets without flushing."""
    sender = getattr(producer, "_sender", None)
    task = sender.sender_task if sender is not None else None
    if task is not None and not task.done():
        task.cancel()
        await asyncio.wait([task], timeout=1)
    producer._closed = True  # or its finalizer complains
    await producer.client.close()
