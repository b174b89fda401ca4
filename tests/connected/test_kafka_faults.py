"""G1, G2, G6 with a broker that dies: `kill -9` and a restart, again and again, under load."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.stack import Ports, StackOptions, down, up
from infra.topics.making import TopicOptions, make_topics
from producers.kafka_address import KafkaAddress
from tests.connected.crowd import talking_crowd
from tests.connected.roles import Roles
from tests.connected.running_stack import RunningStack

pytestmark = [pytest.mark.connected, pytest.mark.timeout(240)]

KILLS = 5
PEOPLE = 40
FEW_PEOPLE = 10
NOTICED_SECONDS = 10.0
BROKERS = ("kafka-1", "kafka-2", "kafka-3")


async def test_a_broker_killed_five_times_loses_no_turn_and_closes_no_socket(stack: RunningStack, roles: Roles) -> None:
    broker = stack.server("kafka-1")
    with roles.worker() as _, roles.edge() as first, roles.edge() as second:
        async with talking_crowd([first.said["edge"], second.said["edge"]], PEOPLE, "slow") as crowd:
            for _ in range(KILLS):
                await crowd.until_answered(PEOPLE // 2)
                await asyncio.to_thread(broker.kill)
                await asyncio.to_thread(broker.start)
            await crowd.until_answered(PEOPLE)
            crowd.assert_sockets_stayed_open()


@pytest.fixture
def three_brokers(tmp_path: Path) -> Iterator[RunningStack]:
    """Three brokers and nothing else, with topics of three copies."""
    options = StackOptions(tmp_path, brokers=len(BROKERS), cassandra_nodes=0, with_jaeger=False, ports=Ports.free())
    try:
        where = up(options, print)
        assert asyncio.run(make_topics(KafkaAddress(where.kafka), TopicOptions(), print))
        yield RunningStack(tmp_path, where)
    finally:
        down(tmp_path, print, wipe=True)


async def test_of_three_brokers_any_one_may_die_and_nobody_waits_longer_than_ten_seconds(
    three_brokers: RunningStack, roles: Roles
) -> None:
    roles.environ = {**roles.environ, "SAMVAD_KAFKA": three_brokers.addresses.kafka}
    with roles.worker() as _, roles.edge() as edge:
        async with talking_crowd([edge.said["edge"]], FEW_PEOPLE, "fast", pause_seconds=0.5) as crowd:
            await crowd.until_answered(FEW_PEOPLE)
            for name in BROKERS:
                broker = three_brokers.server(name)
                await asyncio.to_thread(broker.kill)
                await crowd.until_everybody_got_an_answer()
                await asyncio.to_thread(broker.start)
                await crowd.until_everybody_got_an_answer()
            crowd.assert_sockets_stayed_open()
    assert crowd.longest_wait_seconds < NOTICED_SECONDS
