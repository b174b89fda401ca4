"""The stores that the contract suite runs on. A new implementation is one more entry of STORES."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager

import pytest

from store.cassandra.opening import CassandraStore, open_cassandra_store
from store.sqlite.opening import SqliteStore, open_store

Store = SqliteStore | CassandraStore
Open = Callable[..., AbstractAsyncContextManager[Store]]
"""Opens a store; may be told how long, in seconds, it keeps checkpoints and heartbeats."""


def _sqlite(request: pytest.FixtureRequest) -> Open:
    path = request.getfixturevalue("tmp_path") / "samvad.db"
    return lambda *ttl_seconds: open_store(path, *ttl_seconds)


def _cassandra(request: pytest.FixtureRequest) -> Open:
    address = request.getfixturevalue("cassandra_keyspace")
    return lambda *ttl_seconds: open_cassandra_store(address, *ttl_seconds)


STORES = [
    pytest.param(_sqlite, id="sqlite"),
    pytest.param(_cassandra, id="cassandra", marks=pytest.mark.connected),
]


# Not async: a server that has to be started first must not be started on a running event loop.
@pytest.fixture(params=STORES)
def open_a_store(request: pytest.FixtureRequest) -> Open:
    opening: Open = request.param(request)
    return opening


@pytest.fixture
async def store(open_a_store: Open) -> AsyncIterator[Store]:
    """A store that may hold other tests' rows: ids must be fresh."""
    async with open_a_store() as opened:
        yield opened


@pytest.fixture
async def forgetful_store(open_a_store: Open) -> AsyncIterator[Store]:
    """A store whose checkpoints and heartbeats live for a moment only."""
    async with open_a_store(0.05, 0.05) as opened:
        yield opened
