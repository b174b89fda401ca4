"""A consumer that is started while no broker can be reached is there as soon as one can."""

import asyncio

import pytest
from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaConnectionError

from infra.embedded_broker import embedded_broker
from infra.prove.tcp_proxy import tcp_proxy
from producers import consumer_starting
from producers.consumer_closing import close_consumer
from producers.consumer_starting import start_consumer
from schemas.topics import CONTROL, REQUESTS


@pytest.mark.parametrize("group_id", [None, "workers"])
async def test_it_waits_for_a_broker(group_id: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consumer_starting, "PAUSE_SECONDS", 0.05)
    # An address that nobody listens at, until a proxy to the broker appears there.
    with embedded_broker({CONTROL.name: 1}) as bootstrap:
        async with tcp_proxy(bootstrap) as first:
            address = first.address
        consumer = AIOKafkaConsumer(REQUESTS.name, bootstrap_servers=address, group_id=group_id)
        starting = asyncio.create_task(start_consumer(consumer))
        await asyncio.wait([starting], timeout=0.3)
        assert not starting.done()
        async with tcp_proxy(bootstrap, port=int(address.rsplit(":", 1)[1])):
            await asyncio.wait_for(starting, 10)
            await close_consumer(consumer)


async def test_what_fails_after_a_broker_was_reached_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    with embedded_broker() as bootstrap:
        consumer = AIOKafkaConsumer(REQUESTS.name, bootstrap_servers=bootstrap)
        await consumer.start()

        async def lost() -> None:
            raise KafkaConnectionError("lost on the way")

        monkeypatch.setattr(consumer, "start", lost)
        with pytest.raises(KafkaConnectionError):
            await start_consumer(consumer)
        await close_consumer(consumer)
