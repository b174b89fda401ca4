"""The embedded broker as our own clients meet it: aiokafka over loopback."""

import asyncio
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.structs import ConsumerRecord

from infra.embedded_broker import EmbeddedBrokerUnavailable, embedded_broker

TOPIC = "chat.requests"


@pytest.fixture
def bootstrap() -> Iterator[str]:
    with embedded_broker() as address:
        yield address


@asynccontextmanager
async def producing(bootstrap: str) -> AsyncIterator[AIOKafkaProducer]:
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all", enable_idempotence=True)
    await producer.start()
    try:
        yield producer
    finally:
        await producer.stop()


@asynccontextmanager
async def consuming(bootstrap: str) -> AsyncIterator[AIOKafkaConsumer]:
    consumer = AIOKafkaConsumer(
        TOPIC,
        bootstrap_servers=bootstrap,
        group_id="workers",
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        fetch_max_wait_ms=10,
        # The broker lets a group be joined again after this less 1 s.
        session_timeout_ms=1200,
        heartbeat_interval_ms=300,
    )
    await consumer.start()
    try:
        yield consumer
    finally:
        await consumer.stop()


async def take(consumer: AIOKafkaConsumer, count: int) -> list[ConsumerRecord[bytes, bytes]]:
    records: list[ConsumerRecord[bytes, bytes]] = []
    async with asyncio.timeout(5):
        while len(records) < count:
            batches = await consumer.getmany(timeout_ms=100)
            records += [record for batch in batches.values() for record in batch]
    return records


async def test_what_is_produced_is_consumed_from_every_partition_in_order(bootstrap: str) -> None:
    async with producing(bootstrap) as producer:
        for n in range(12):
            headers = [("ce_type", b"request")]
            await producer.send_and_wait(TOPIC, b"%d" % n, key=b"asha", partition=n % 4, headers=headers)
        async with consuming(bootstrap) as consumer:
            records = await take(consumer, 12)
    by_partition = {p: [r.value for r in records if r.partition == p] for p in range(4)}
    assert by_partition == {p: [b"%d" % n for n in range(p, 12, 4)] for p in range(4)}
    assert {(r.key, tuple(r.headers)) for r in records} == {(b"asha", (("ce_type", b"request"),))}


async def test_a_topic_that_nobody_asked_for_has_four_partitions(bootstrap: str) -> None:
    async with producing(bootstrap) as producer:
        await producer.send_and_wait(TOPIC, b"hello")
        assert await producer.partitions_for(TOPIC) == {0, 1, 2, 3}


async def test_topics_have_the_partitions_they_were_ordered_with() -> None:
    with embedded_broker({"chat.requests": 24, "chat.control": 1}) as bootstrap:
        async with producing(bootstrap) as producer:
            assert len(await producer.partitions_for("chat.requests")) == 24
            assert len(await producer.partitions_for("chat.control")) == 1


async def test_a_group_member_goes_on_after_what_was_committed(bootstrap: str) -> None:
    async with producing(bootstrap) as producer:
        await producer.send_and_wait(TOPIC, b"first", partition=0)
        async with consuming(bootstrap) as consumer:
            await take(consumer, 1)
            await consumer.commit()
        await producer.send_and_wait(TOPIC, b"second", partition=0)
        async with consuming(bootstrap) as consumer:
            assert [record.value for record in await take(consumer, 1)] == [b"second"]


async def test_a_worker_joins_its_group_without_the_broker_waiting_for_more(bootstrap: str) -> None:
    async with asyncio.timeout(2), consuming(bootstrap) as consumer:
        assert len(consumer.assignment()) == 4


async def test_nothing_reaches_the_terminal(capfd: pytest.CaptureFixture[str]) -> None:
    with embedded_broker() as bootstrap:
        async with producing(bootstrap) as producer:
            await producer.send_and_wait(TOPIC, b"hello")
    assert capfd.readouterr() == ("", "")


async def test_the_address_is_free_again_at_the_end() -> None:
    with embedded_broker() as bootstrap:
        host, port = bootstrap.split(":")
        _, writer = await asyncio.open_connection(host, int(port))
        writer.close()
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection(host, int(port))


def test_without_confluent_kafka_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "confluent_kafka.cimpl", None)
    with pytest.raises(EmbeddedBrokerUnavailable, match=r"install samvad\[local\]"), embedded_broker():
        pass
