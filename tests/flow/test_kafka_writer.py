"""The writer against a broker that hangs, breaks off, and comes back: everything arrives, in order (K15-K19)."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from aiokafka.errors import KafkaError

from infra.embedded_broker import embedded_broker
from infra.prove.tcp_proxy import tcp_proxy
from producers.connected_producer import WriterSettings, connected_producer
from producers.errors import NotAttempted, OutcomeUnknown, RecordRefused
from producers.kafka_address import KafkaAddress
from producers.kafka_writer import KafkaWriter, Record
from schemas.topics import MAX_RECORD_BYTES
from tests.flow.broker_process import BrokerProcess, broker_process
from tests.flow.practice_client import until
from tests.flow.topic_readers import reading_topic


@pytest.fixture
def bootstrap() -> Iterator[str]:
    with embedded_broker() as address:
        yield address


@pytest.fixture
def broker() -> Iterator[BrokerProcess]:
    with broker_process() as broker:
        yield broker


def a_writer(bootstrap: str, **settings: Any) -> KafkaWriter:
    quick = {"request_timeout_ms": 400, "stall_seconds": 0.4, "start_seconds": 2, "stop_seconds": 0.2}
    return KafkaWriter(WriterSettings(KafkaAddress(bootstrap), "test", **(quick | settings)))


def record(key: str, number: int, size: int = 0) -> Record:
    return Record("frames", key, f"{key}{number}".encode().ljust(size, b"."), [("n", str(number).encode())])


def order_of(records: list[Any], key: str) -> list[int]:
    """The numbers under a key in the order read; a repeat of what was read already is left out, as readers do."""
    seen: list[int] = []
    for found in records:
        number = int(dict(found.headers)["n"])
        if found.key == key.encode() and number not in seen:
            seen.append(number)
    return seen


async def everything_arrived(bootstrap: str, count: int, keys: str = "ab") -> None:
    """Every key's records 0 to count - 1 are there, each one's first appearance in order."""
    async with reading_topic(bootstrap, "frames") as topic:
        wanted = list(range(count))
        await topic.until(lambda: all(len(order_of(topic.records, key)) >= count for key in keys))
        assert [order_of(topic.records, key) for key in keys] == [wanted for _ in keys]


async def test_records_of_a_key_arrive_in_order_with_key_value_and_headers(bootstrap: str) -> None:
    async with a_writer(bootstrap, linger_ms=2) as writer:
        acknowledged = [writer.submit(record(key, n)) for n in range(300) for key in "ab"]
        await asyncio.gather(*acknowledged)
    await everything_arrived(bootstrap, 300)
    async with reading_topic(bootstrap, "frames") as topic:
        first = next(r for r in await topic.at_least(600) if r.key == b"a")
    assert (first.value, first.headers) == (b"a0", (("n", b"0"),))
    assert writer.replacements == 0


async def test_a_write_that_is_not_acknowledged_in_time_is_unknown_and_delivered_later(broker: BrokerProcess) -> None:
    async with a_writer(broker.address, stall_seconds=5, request_timeout_ms=5_000) as writer:
        await writer.write(record("a", 0), 2)
        broker.freeze()
        with pytest.raises(OutcomeUnknown):
            await writer.write(record("a", 1), 0.05)
        broker.thaw()
        await writer.write(record("a", 2), 5)
    await everything_arrived(broker.address, 3, keys="a")


async def test_a_frozen_broker_gets_a_new_producer_and_then_everything_in_order(broker: BrokerProcess) -> None:
    async with a_writer(broker.address, linger_ms=1) as writer:
        await writer.write(record("a", 0), 2)
        broker.freeze()
        acknowledged = [writer.submit(record("a", n)) for n in range(1, 100)]
        await until_replaced(writer)
        acknowledged += [writer.submit(record("a", n)) for n in range(100, 200)]
        broker.thaw()
        await asyncio.wait_for(asyncio.gather(*acknowledged), 10)
    await everything_arrived(broker.address, 200, keys="a")


async def test_connections_cut_again_and_again_lose_and_reorder_nothing(bootstrap: str) -> None:
    async with tcp_proxy(bootstrap) as proxy:
        async with a_writer(proxy.address, linger_ms=1) as writer:
            acknowledged = []
            for n in range(400):
                acknowledged += [writer.submit(record(key, n)) for key in "ab"]
                if n % 50 == 25:
                    proxy.cut()
                await asyncio.sleep(0.001)
            await asyncio.wait_for(asyncio.gather(*acknowledged), 15)
        assert proxy.connections > 2, "the writer went around the proxy"
    await everything_arrived(bootstrap, 400)


async def test_a_connection_that_hangs_is_given_up_and_everything_arrives_in_order(bootstrap: str) -> None:
    async with tcp_proxy(bootstrap) as proxy, a_writer(proxy.address, linger_ms=1) as writer:
        await writer.write(record("a", 0), 5)
        proxy.freeze()
        acknowledged = [writer.submit(record("a", n)) for n in range(1, 100)]
        await until_replaced(writer)
        proxy.thaw()
        await asyncio.wait_for(asyncio.gather(*acknowledged), 10)
    await everything_arrived(bootstrap, 100, keys="a")


async def test_a_full_writer_attempts_nothing_and_says_so(broker: BrokerProcess) -> None:
    async with a_writer(broker.address, max_pending_bytes=7_000, stall_seconds=5, request_timeout_ms=5_000) as writer:
        broker.freeze()
        waiting = [writer.submit(record("a", n, size=300)) for n in range(3)]
        with pytest.raises(NotAttempted) as refused:
            writer.submit(record("a", 3, size=300))
        assert refused.value.retry_after_ms > 0
        broker.thaw()
        await asyncio.wait_for(asyncio.gather(*waiting), 10)
        await writer.write(record("a", 3, size=300), 5)
    await everything_arrived(broker.address, 4, keys="a")


async def test_a_record_too_large_is_refused_and_the_others_go_on(bootstrap: str) -> None:
    async with a_writer(bootstrap) as writer:
        before = writer.submit(record("a", 0))
        too_large = writer.submit(record("a", 1, size=2 * MAX_RECORD_BYTES))
        after = writer.submit(record("a", 1))
        await asyncio.wait_for(asyncio.gather(before, after), 5)
        with pytest.raises(RecordRefused):
            await too_large
        with pytest.raises(RecordRefused):
            await writer.write(record("a", 1, size=2 * MAX_RECORD_BYTES), 5)
        assert writer.replacements == 0
    await everything_arrived(bootstrap, 2, keys="a")


async def test_a_record_of_the_largest_allowed_size_is_written(bootstrap: str) -> None:
    async with a_writer(bootstrap) as writer:
        await writer.write(record("a", 0, size=MAX_RECORD_BYTES), 5)
    await everything_arrived(bootstrap, 1, keys="a")


async def test_closing_sends_what_still_waits(bootstrap: str) -> None:
    async with a_writer(bootstrap, linger_ms=50) as writer:
        acknowledged = [writer.submit(record("a", n)) for n in range(50)]
    assert all(future.done() and future.exception() is None for future in acknowledged)
    await everything_arrived(bootstrap, 50, keys="a")


async def test_records_wait_for_company_until_somebody_waits_for_one_of_them(bootstrap: str) -> None:
    async with a_writer(bootstrap, linger_ms=60_000) as writer, a_writer(bootstrap) as another:
        await asyncio.wait_for(writer.submit(record("a", 0), at_once=True), 5)
        patient = writer.submit(record("a", 1))
        await another.write(record("b", 0), 5)
        assert not patient.done()
        await asyncio.wait_for(asyncio.gather(patient, writer.submit(record("a", 2), at_once=True)), 5)
    await everything_arrived(bootstrap, 3, keys="a")


async def test_closing_sends_at_once_what_waits_for_company(bootstrap: str) -> None:
    async with asyncio.timeout(5), a_writer(bootstrap, linger_ms=60_000) as writer:
        await writer.submit(record("a", 0), at_once=True)
        patient = writer.submit(record("a", 1))
    assert patient.done() and patient.exception() is None


async def test_closing_without_a_broker_ends_soon_and_says_that_nothing_is_known(broker: BrokerProcess) -> None:
    async with asyncio.timeout(5):
        async with a_writer(broker.address, flush_seconds=0.2) as writer:
            await writer.write(record("a", 0), 2)
            broker.freeze()
            lost = writer.submit(record("a", 1))
    with pytest.raises(OutcomeUnknown):
        await lost
    broker.thaw()


async def test_records_submitted_before_there_is_a_broker_arrive_when_there_is_one() -> None:
    # An address that nobody listens at, until a proxy to the broker appears there.
    with embedded_broker() as bootstrap:
        async with tcp_proxy(bootstrap) as first:
            address = first.address
        async with a_writer(address) as writer:
            acknowledged = [writer.submit(record("a", n)) for n in range(10)]
            await until_replaced(writer)
            async with tcp_proxy(bootstrap, port=int(address.rsplit(":", 1)[1])):
                await asyncio.wait_for(asyncio.gather(*acknowledged), 10)
        await everything_arrived(bootstrap, 10, keys="a")


async def until_replaced(writer: KafkaWriter) -> None:
    before = writer.replacements
    await until(lambda: writer.replacements > before)


async def test_a_producer_that_failed_sends_nothing_more(bootstrap: str) -> None:
    # What it flushed could overtake the records that its successor sends again.
    settings = WriterSettings(KafkaAddress(bootstrap), "test", linger_ms=300)
    with pytest.raises(KafkaError):
        async with connected_producer(settings) as producer:
            delivery = await producer.send("frames", b"late", key=b"a", partition=0, headers=[("n", b"9")])
            raise KafkaError("an earlier batch failed")
    async with a_writer(bootstrap) as writer:
        await asyncio.gather(*(writer.submit(record(key, n)) for n in range(5) for key in "ab"))
    async with reading_topic(bootstrap, "frames") as topic:
        found = await topic.at_least(10)
    assert b"late" not in {r.value for r in found}
    assert delivery.cancelled() or not delivery.done()
