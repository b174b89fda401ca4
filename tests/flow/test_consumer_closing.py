"""A consumer that is closed leaves no socket and no task, whatever becomes of its farewell."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from aiokafka import AIOKafkaConsumer

from infra.embedded_broker import embedded_broker
from producers.consumer_closing import close_consumer
from schemas.topics import REQUESTS


@pytest_asyncio.fixture
async def consumer() -> AsyncIterator[AIOKafkaConsumer]:
    with embedded_broker() as address:
        started = AIOKafkaConsumer(REQUESTS.name, bootstrap_servers=address, group_id="workers")
        await started.start()
        yield started


def assert_nothing_is_left(consumer: AIOKafkaConsumer) -> None:
    assert [connection for connection in consumer._client._conns.values() if connection.connected()] == []
    left = [repr(task) for task in asyncio.all_tasks() if "aiokafka" in repr(task)]
    assert left == []


async def test_a_farewell_that_is_cut_off_leaves_nothing_open(
    consumer: AIOKafkaConsumer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def never() -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(consumer._coordinator, "_maybe_leave_group", never)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await close_consumer(consumer)
    assert_nothing_is_left(consumer)


async def test_a_fetch_that_waits_after_a_failure_neither_cancels_the_caller_nor_leaves_anything_open(
    consumer: AIOKafkaConsumer,
) -> None:
    waiting = asyncio.create_task(asyncio.sleep(60))
    consumer._fetcher._pending_tasks.add(waiting)
    await asyncio.sleep(0)
    await close_consumer(consumer)
    assert waiting.cancelled()
    assert_nothing_is_left(consumer)
