"""The stores that the contract suite runs on. A new implementation is one more entry of STORES."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path

import pytest

from store.cassandra.address import CassandraAddress
from store.cassandra.opening import CassandraStore, open_cassandra_store
from store.sqlite.opening import SqliteStore, open_store

Store = SqliteStore | CassandraStore
Opened = AbstractAsyncContextManager[Store]


@dataclass(frozen=True)
class Kind:
    """How to open an implementation; the forgetful one keeps checkpoints and heartbeats as briefly as it can."""

    open: Callable[[pytest.FixtureRequest], Opened]
    open_forgetful: Callable[[pytest.FixtureRequest], Opened]


def _file(request: pytest.FixtureRequest) -> Path:
    folder: Path = request.getfixturevalue("tmp_path")
    return folder / "samvad.db"


def _keyspace(request: pytest.FixtureRequest) -> CassandraAddress:
    address: CassandraAddress = request.getfixturevalue("cassandra_keyspace")
    return address


STORES = {
    "sqlite": Kind(
        open=lambda request: open_store(_file(request)),
        open_forgetful=lambda request: open_store(_file(request), 0.05, 0.05),
    ),
    "cassandra": Kind(
        open=lambda request: open_cassandra_store(_keyspace(request)),
        open_forgetful=lambda request: open_cassandra_store(_keyspace(request), 0.05, 0.05),
    ),
}
ON_EVERY_STORE = [
    pytest.param("sqlite"),
    pytest.param("cassandra", marks=pytest.mark.connected),
]


@pytest.fixture(params=ON_EVERY_STORE)
async def store(request: pytest.FixtureRequest) -> AsyncIterator[Store]:
    """A store that may hold other tests' rows: ids must be fresh."""
    async with STORES[request.param].open(request) as opened:
        yield opened


@pytest.fixture(params=ON_EVERY_STORE)
async def forgetful_store(request: pytest.FixtureRequest) -> AsyncIterator[Store]:
    """A store whose checkpoints and heartbeats live for a moment only."""
    async with STORES[request.param].open_forgetful(request) as opened:
        yield opened
