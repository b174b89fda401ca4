"""What the writer does when a producer fails: a new one sends all that is not acknowledged again, in order (K16).

Producers are fakes whose deliveries a test ends one by one; brokers that fail are in `tests/flow/test_kafka_writer.py`.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from aiokafka.errors import (
    KafkaError,
    MessageSizeTooLargeError,
    OutOfOrderSequenceNumber,
    PolicyViolationError,
    UnknownTopicOrPartitionError,
)

from producers import kafka_writer
from producers.connected_producer import WriterSettings
from producers.errors import NotAttempted, OutcomeUnknown, RecordRefused, RecordTooLarge
from producers.kafka_address import KafkaAddress
from producers.kafka_writer import KafkaWriter, Record

SETTINGS = WriterSettings(KafkaAddress("nowhere"), "test", flush_seconds=0.01, stall_seconds=60)


class FakeProducer:
    """Notes what it is given; each delivery is a future for the test to end."""

    def __init__(self) -> None:
        self.given: list[bytes] = []
        self.deliveries: dict[bytes, asyncio.Future[None]] = {}
        self.times_counted = 0
        self.times_flushed = 0
        self.refuses: Exception | None = None
        self.topics_known: set[str] | None = None
        self.answers_about_topics = asyncio.Event()
        self.answers_about_topics.set()

    async def partitions_for(self, topic: str) -> set[int]:
        self.times_counted += 1
        if topic == "unknown":
            await self.answers_about_topics.wait()
            raise UnknownTopicOrPartitionError
        return {0, 1, 2}

    @property
    def client(self) -> "FakeProducer":
        return self

    async def fetch_all_metadata(self) -> "FakeProducer":
        if self.topics_known is None:
            raise KafkaError("no broker answers")
        return self

    def topics(self) -> set[str]:
        return self.topics_known or set()

    async def flush(self) -> None:
        self.times_flushed += 1

    async def send(self, topic: str, value: bytes, **_: object) -> "asyncio.Future[None]":
        if self.refuses is not None:
            raise self.refuses
        self.given.append(value)
        self.deliveries[value] = asyncio.get_running_loop().create_future()
        return self.deliveries[value]

    def acknowledge(self, *values: bytes) -> None:
        for value in values:
            self.deliveries[value].set_result(None)

    def fail(self, value: bytes, error: Exception) -> None:
        self.deliveries[value].set_exception(error)


@pytest.fixture
def producers(monkeypatch: pytest.MonkeyPatch) -> list[FakeProducer]:
    """Every producer that the writer made, oldest first."""
    made: list[FakeProducer] = []

    @asynccontextmanager
    async def connected(_settings: WriterSettings) -> AsyncIterator[FakeProducer]:
        made.append(FakeProducer())
        yield made[-1]

    monkeypatch.setattr(kafka_writer, "connected_producer", connected)
    return made


def record(value: bytes, topic: str = "topic") -> Record:
    return Record(topic, "key", value, [])


async def until(condition: Callable[[], bool]) -> None:
    for _ in range(1_000):
        if condition():
            return
        await asyncio.sleep(0.001)
    raise TimeoutError


async def test_after_a_failed_delivery_a_new_producer_sends_everything_unacknowledged_in_order(
    producers: list[FakeProducer],
) -> None:
    async with KafkaWriter(SETTINGS) as writer:
        futures = [writer.submit(record(value)) for value in (b"1", b"2", b"3", b"4")]
        await until(lambda: bool(producers) and len(producers[0].given) == 4)
        producers[0].acknowledge(b"1")
        producers[0].fail(b"2", OutOfOrderSequenceNumber())
        await until(lambda: len(producers) == 2 and len(producers[1].given) == 3)
        assert producers[1].given == [b"2", b"3", b"4"]
        assert (writer.replacements, futures[0].done(), futures[1].done()) == (1, True, False)
        producers[1].acknowledge(b"2", b"3", b"4")
        await asyncio.gather(*futures)


async def test_what_is_submitted_meanwhile_comes_after_what_waited(producers: list[FakeProducer]) -> None:
    async with KafkaWriter(SETTINGS) as writer:
        writer.submit(record(b"1"))
        await until(lambda: bool(producers) and producers[0].given == [b"1"])
        producers[0].fail(b"1", KafkaError())
        writer.submit(record(b"2"))
        await until(lambda: len(producers) == 2 and len(producers[1].given) == 2)
        assert producers[1].given == [b"1", b"2"]


async def test_a_late_acknowledgement_of_the_old_producer_counts(producers: list[FakeProducer]) -> None:
    async with KafkaWriter(SETTINGS) as writer:
        first, second = writer.submit(record(b"1")), writer.submit(record(b"2"))
        await until(lambda: bool(producers) and len(producers[0].given) == 2)
        producers[0].fail(b"1", KafkaError())
        producers[0].acknowledge(b"2")
        await second
        await until(lambda: len(producers) == 2 and len(producers[1].given) == 1)
        assert producers[1].given == [b"1"]
        producers[1].acknowledge(b"1")
        await first


# aiokafka asserts that it knows the partition: a topic made anew with fewer of them.
@pytest.mark.parametrize("refusal", [KafkaError("closed"), AssertionError("Unrecognized partition")])
async def test_a_producer_that_takes_nothing_is_replaced_and_partitions_counted_anew(
    producers: list[FakeProducer], refusal: Exception
) -> None:
    async with KafkaWriter(SETTINGS) as writer:
        await until(lambda: bool(producers))
        writer.submit(record(b"0"))
        await until(lambda: producers[0].given == [b"0"])
        producers[0].acknowledge(b"0")
        producers[0].refuses = refusal
        acknowledged = writer.submit(record(b"1"))
        await until(lambda: len(producers) == 2 and producers[1].given == [b"1"])
        producers[1].acknowledge(b"1")
        await acknowledged
        assert [producer.times_counted for producer in producers] == [1, 1]


async def test_a_producer_that_acknowledges_nothing_for_too_long_is_replaced(producers: list[FakeProducer]) -> None:
    quick = WriterSettings(KafkaAddress("nowhere"), "test", flush_seconds=0.01, stall_seconds=0.02)
    async with KafkaWriter(quick) as writer:
        writer.submit(record(b"1"))
        await until(lambda: len(producers) >= 2 and producers[1].given == [b"1"])
        assert writer.replacements >= 1


async def test_acknowledgements_make_room_again(producers: list[FakeProducer]) -> None:
    async with KafkaWriter(replace(SETTINGS, max_pending_bytes=10_000)) as writer:
        writer.submit(record(b"x" * 6_000))
        with pytest.raises(NotAttempted):
            writer.submit(record(b"y" * 6_000))
        await until(lambda: bool(producers) and len(producers[0].given) == 1)
        producers[0].acknowledge(b"x" * 6_000)
        await asyncio.sleep(0)
        writer.submit(record(b"y" * 6_000))
        await until(lambda: len(producers[0].given) == 2)
    assert writer.replacements == 0


async def test_whoever_gives_up_waiting_takes_no_record_back(producers: list[FakeProducer]) -> None:
    async with KafkaWriter(SETTINGS) as writer:
        with pytest.raises(OutcomeUnknown):
            await writer.write(record(b"1"), 0.001)
        abandoned = writer.submit(record(b"2"))
        abandoned.cancel()
        await until(lambda: bool(producers) and producers[0].given == [b"1", b"2"])
        producers[0].acknowledge(b"1", b"2")


async def test_closing_ends_every_future(producers: list[FakeProducer]) -> None:
    async with KafkaWriter(SETTINGS) as writer:
        waiting = writer.submit(record(b"1"))
    with pytest.raises(OutcomeUnknown):
        await waiting


@pytest.mark.parametrize(
    ("refusal", "is_raised"), [(MessageSizeTooLargeError(), RecordTooLarge), (PolicyViolationError(), RecordRefused)]
)
async def test_of_a_refused_batch_each_record_is_sent_alone_and_only_who_is_refused_then_is_given_up(
    producers: list[FakeProducer], refusal: Exception, is_raised: type[Exception]
) -> None:
    async with KafkaWriter(SETTINGS) as writer:
        first, large, last, after = (writer.submit(record(value)) for value in (b"1", b"large", b"2", b"3"))
        await until(lambda: bool(producers) and len(producers[0].given) == 4)
        for value in (b"1", b"large", b"2"):  # one batch; the next one was on its way
            producers[0].fail(value, refusal)
        await until(lambda: len(producers) == 2 and producers[1].given == [b"1"])
        producers[1].acknowledge(b"1")
        await until(lambda: producers[1].given == [b"1", b"large"])
        assert producers[1].times_flushed == 2
        producers[1].fail(b"large", refusal)
        with pytest.raises(is_raised):
            await large
        await until(lambda: len(producers) == 3 and producers[2].given == [b"2"])
        producers[2].acknowledge(b"2")
        await until(lambda: producers[2].given == [b"2", b"3"])
        producers[2].acknowledge(b"3")
        await asyncio.gather(first, last, after)


async def test_a_topic_that_is_not_there_keeps_no_other_topics_records_back(producers: list[FakeProducer]) -> None:
    async with KafkaWriter(SETTINGS) as writer:
        await until(lambda: bool(producers))
        producers[0].answers_about_topics.clear()
        producers[0].topics_known = {"topic"}
        lost = [writer.submit(record(value, "unknown")) for value in (b"a", b"b")]
        others = [writer.submit(record(value)) for value in (b"1", b"2")]
        await until(lambda: producers[0].given == [b"1", b"2"])
        producers[0].acknowledge(b"1", b"2")
        await asyncio.gather(*others)
        assert not any(future.done() for future in lost)
        producers[0].answers_about_topics.set()
        for future in lost:
            with pytest.raises(RecordRefused, match="no topic unknown"):
                await future
        assert (writer.replacements, writer.unacknowledged_records) == (0, 0)


async def test_a_topic_of_which_no_broker_says_anything_is_asked_for_again(producers: list[FakeProducer]) -> None:
    async with KafkaWriter(SETTINGS) as writer:
        waiting = writer.submit(record(b"a", "unknown"))
        await until(lambda: len(producers) >= 2)
        assert not waiting.done()
        assert writer.unacknowledged_records == 1


async def test_records_of_a_topic_keep_their_order_while_it_is_asked_for(
    producers: list[FakeProducer], monkeypatch: pytest.MonkeyPatch
) -> None:
    answered = asyncio.Event()

    async def late(_: object, topic: str) -> int:
        await answered.wait()
        return 3

    monkeypatch.setattr(kafka_writer, "partition_count", late)
    async with KafkaWriter(SETTINGS) as writer:
        await until(lambda: bool(producers))
        for value in (b"1", b"2"):
            writer.submit(record(value))
        await asyncio.sleep(0)
        writer.submit(record(b"3"))
        answered.set()
        writer.submit(record(b"4"))
        await until(lambda: len(producers[0].given) == 4)
        assert producers[0].given == [b"1", b"2", b"3", b"4"]


async def test_what_can_never_be_sent_is_refused_and_the_others_go_on(producers: list[FakeProducer]) -> None:
    async with KafkaWriter(SETTINGS) as writer:
        never = writer.submit(Record("topic", "\udc00", b"1", []))
        writer.submit(record(b"2"))
        await until(lambda: bool(producers) and producers[0].given == [b"2"])
        with pytest.raises(RecordRefused):
            await never
        assert writer.replacements == 0
