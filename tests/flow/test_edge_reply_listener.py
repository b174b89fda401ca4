"""The reply listener on a Kafka-protocol broker: order, the past, poison, and how far behind it is."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from infra.embedded_broker import embedded_broker
from producers.connected_producer import WriterSettings
from producers.kafka_address import KafkaAddress
from producers.kafka_writer import KafkaWriter
from producers.reply_producer import ReplyProducer
from schemas.headers import ReplyAddress
from schemas.ids import new_id
from schemas.topics import REPLIES
from tests.edge_turns import Turn, answer_frames
from tests.flow.running_edge import until
from ws_edge import reply_listener
from ws_edge.reply_listener import ReplyListener, ReplyListenerError

Taken = list[tuple[str, ReplyAddress, bytes]]


@pytest.fixture
def bootstrap() -> Iterator[str]:
    with embedded_broker({REPLIES.name: REPLIES.partitions}) as address:
        yield address


@asynccontextmanager
async def replies_to(bootstrap: str) -> AsyncIterator[ReplyProducer]:
    async with KafkaWriter(WriterSettings(KafkaAddress(bootstrap), "tests")) as writer:
        yield ReplyProducer(writer)


@asynccontextmanager
async def listening(bootstrap: str, taken: Taken, **options: Any) -> AsyncIterator[ReplyListener]:
    listener, stop = (
        ReplyListener(KafkaAddress(bootstrap), fetch_max_wait_ms=10, **({"rebuild_seconds": None} | options)),
        asyncio.Event(),
    )
    running = asyncio.create_task(listener.run(lambda *reply: taken.append(reply[:3]), stop))
    try:
        async with asyncio.timeout(10):
            await listener.ready.wait()
        yield listener
    finally:
        stop.set()
        await running


async def test_each_users_frames_come_in_order_with_the_very_bytes_that_were_published(bootstrap: str) -> None:
    taken: Taken = []
    turns = [Turn() for _ in range(20)]
    frames = {turn.user_id: answer_frames(turn, 10) for turn in turns}
    async with listening(bootstrap, taken), replies_to(bootstrap) as producer:
        for n in range(12):
            for turn in turns:
                producer.publish(turn.user_id, frames[turn.user_id][n])
        await until(lambda: len(taken) == 240)
    for turn in turns:
        mine = [(address.kind, address.turn_id) for user_id, address, _ in taken if user_id == turn.user_id]
        assert mine == [(kind, turn.turn_id) for kind in ("started", *["delta"] * 10, "completed")]


async def test_it_is_ready_once_the_past_is_read(bootstrap: str) -> None:
    async with replies_to(bootstrap) as producer:
        turn = Turn()
        await asyncio.gather(*(producer.publish(turn.user_id, frame) for frame in answer_frames(turn, 500)))
    taken: Taken = []
    async with listening(bootstrap, taken):
        assert len(taken) == 502


async def test_without_a_past_it_begins_at_the_end(bootstrap: str) -> None:
    """The embedded broker finds no offset by time, as Kafka finds none in a partition that is quiet for long."""
    async with replies_to(bootstrap) as producer:
        turn = Turn()
        await producer.publish(turn.user_id, turn.asked())
        taken: Taken = []
        async with listening(bootstrap, taken, rebuild_seconds=120.0):
            await producer.publish(turn.user_id, turn.started())
            await until(lambda: len(taken) == 1)
        assert taken[0][1].kind == "started"


async def test_what_can_not_be_read_is_skipped(bootstrap: str) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap)
    await producer.start()
    good = [("k", b"asked"), ("c", new_id().encode()), ("t", new_id().encode()), ("s", (0).to_bytes(8, "big"))]
    poison: list[tuple[bytes | None, bytes | None, list[tuple[str, bytes]]]] = [
        (None, b"{}", good),
        (b"\xff", b"{}", good),
        (b"user", b"{}", []),
        (b"user", b"{}", [("k", b"\xff"), ("c", b"x")]),
        (b"user", None, good),
    ]
    taken: Taken = []
    async with listening(bootstrap, taken) as listener:
        for key, value, headers in poison:
            await producer.send_and_wait(REPLIES.name, value, key, partition=0, headers=headers)
        await producer.send_and_wait(REPLIES.name, b"not even JSON", b"user", partition=0, headers=good)
        await until(lambda: len(taken) == 1)
        assert listener.unreadable == len(poison)
        assert taken[0][2] == b"not even JSON"
    await producer.stop()


async def test_a_listener_that_stands_still_says_how_far_it_is_behind_and_then_fails(
    bootstrap: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """K8: alive, but never reading again."""
    monkeypatch.setattr(reply_listener, "LAG_CHECK_SECONDS", 0.02)
    monkeypatch.setattr(reply_listener, "FATAL_LAG_SECONDS", 0.3)
    listener = ReplyListener(KafkaAddress(bootstrap), rebuild_seconds=None, fetch_max_wait_ms=10)
    running = asyncio.create_task(listener.run(lambda *_: None, asyncio.Event()))
    await listener.ready.wait()
    monkeypatch.setattr(AIOKafkaConsumer, "getmany", _nothing_ever)
    async with replies_to(bootstrap) as producer:
        await producer.publish(new_id(), Turn().asked())
    await until(lambda: listener.lag_seconds() > 0.05)
    with pytest.raises(ExceptionGroup) as raised:
        await running
    assert raised.group_contains(ReplyListenerError)


async def _nothing_ever(_: AIOKafkaConsumer, **__: Any) -> dict[Any, Any]:
    await asyncio.sleep(0.01)
    return {}


async def test_a_listener_that_keeps_up_is_never_behind(bootstrap: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reply_listener, "LAG_CHECK_SECONDS", 0.01)
    taken: Taken = []
    async with listening(bootstrap, taken) as listener, replies_to(bootstrap) as producer:
        turn = Turn()
        for frame in answer_frames(turn, 200):
            await producer.publish(turn.user_id, frame)
        await until(lambda: len(taken) == 202)
        await until(lambda: listener.lag_seconds() == 0)


async def test_a_taker_that_breaks_ends_the_listener_loudly(bootstrap: str) -> None:
    listener = ReplyListener(KafkaAddress(bootstrap), rebuild_seconds=None, fetch_max_wait_ms=10)

    def broken(*_: Any) -> None:
        raise RuntimeError("a bug")

    running = asyncio.create_task(listener.run(broken, asyncio.Event()))
    async with replies_to(bootstrap) as producer:
        await producer.publish(new_id(), Turn().asked())
        with pytest.raises(ExceptionGroup) as raised:
            await running
    assert raised.group_contains(RuntimeError, match="a bug")
