"""The driver on the event loop while its Cassandra is frozen, killed, started again, or not there at all."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from infra.stack import StackServer
from schemas.ids import new_id
from store.cassandra.address import CassandraAddress
from store.cassandra.cluster import REQUEST_SECONDS
from store.cassandra.opening import CassandraStore, open_cassandra_store
from store.cassandra.permits import MAX_WAIT_SECONDS
from store.errors import StoreUnavailable
from tests.connected.loop_lag import Lag, lag_measured
from tests.connected.running_stack import RunningStack
from tests.contracts.deadlines import eventually

pytestmark = [pytest.mark.connected, pytest.mark.timeout(150)]

MOST_LAG_SECONDS = 0.1
BACK_SECONDS = 10
MANY = 400
"""More than may run at once, so that some wait for their turn."""


@pytest.fixture
async def node(stack: RunningStack) -> AsyncIterator[StackServer]:
    """The only node; running again at the end of the test."""
    found = stack.server("cassandra-1")
    yield found
    found.resume()
    await asyncio.to_thread(found.start)


async def attempt(store: CassandraStore) -> float:
    """One read that must fail; how long that took, in seconds."""
    began = time.perf_counter()
    assert not await answers(store)
    return time.perf_counter() - began


async def answers(store: CassandraStore) -> bool:
    try:
        await store.turns.load(new_id())
    except StoreUnavailable:
        return False
    return True


async def many_attempts(store: CassandraStore) -> float:
    """Reads that must fail, begun one after the other over a second; the longest time that one took, in seconds."""
    attempts = []
    for _ in range(MANY):
        attempts.append(asyncio.create_task(attempt(store)))
        await asyncio.sleep(1 / MANY)
    return max(await asyncio.gather(*attempts))


@asynccontextmanager
async def warm(address: CassandraAddress) -> AsyncIterator[CassandraStore]:
    async with open_cassandra_store(address) as store:
        await asyncio.gather(*(store.turns.load(new_id()) for _ in range(MANY)))
        yield store


def check(lag: Lag) -> None:
    assert lag.worst_seconds < MOST_LAG_SECONDS


async def test_a_frozen_server_costs_each_call_its_time_and_the_event_loop_nothing(
    cassandra_keyspace: CassandraAddress, node: StackServer
) -> None:
    async with warm(cassandra_keyspace) as store:
        async with lag_measured() as lag:
            node.suspend()
            for _ in range(3):
                assert await many_attempts(store) < REQUEST_SECONDS + MAX_WAIT_SECONDS + 0.5
            # Known to be away by now: nobody waits any more.
            assert await attempt(store) < 0.1
            node.resume()
            await eventually(lambda: answers(store), BACK_SECONDS)
        check(lag)


async def test_a_killed_server_is_told_at_once_and_used_as_soon_as_it_is_back(
    cassandra_keyspace: CassandraAddress, node: StackServer
) -> None:
    async with warm(cassandra_keyspace) as store, lag_measured() as lag:
        node.kill()
        assert await many_attempts(store) < REQUEST_SECONDS
        starting = asyncio.create_task(asyncio.to_thread(node.start))
        while not starting.done():
            await answers(store)
            await asyncio.wait([starting], timeout=0.01)
        await eventually(lambda: answers(store), BACK_SECONDS)
        check(lag)


async def test_a_server_that_is_away_from_the_start_is_used_once_it_is_there(
    cassandra_keyspace: CassandraAddress, node: StackServer
) -> None:
    node.kill()
    async with open_cassandra_store(cassandra_keyspace) as store, lag_measured() as lag:
        assert await attempt(store) < 0.1
        await asyncio.to_thread(node.start)
        await eventually(lambda: answers(store), BACK_SECONDS)
        check(lag)


async def test_a_frozen_server_at_the_start_holds_up_neither_the_opening_nor_the_loop_for_long(
    cassandra_keyspace: CassandraAddress, node: StackServer
) -> None:
    node.suspend()
    async with lag_measured() as lag:
        began = time.perf_counter()
        async with open_cassandra_store(cassandra_keyspace) as store:
            assert time.perf_counter() - began < 10
            await attempt(store)
            node.resume()
            await eventually(lambda: answers(store), BACK_SECONDS)
        check(lag)
