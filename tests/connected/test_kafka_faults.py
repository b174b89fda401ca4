"""G1, G2, G6 with a broker that dies: `kill -9` and a restart, again and again, under load."""

import asyncio

import pytest

from tests.connected.crowd import talking_crowd
from tests.connected.roles import Roles
from tests.connected.running_stack import RunningStack

pytestmark = [pytest.mark.connected, pytest.mark.timeout(240)]

KILLS = 5
PEOPLE = 40


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
