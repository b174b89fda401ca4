"""Fixtures of every suite that needs a real server: one that runs already, or one of its own."""

import os
from collections.abc import Iterator

import pytest

from infra.stack import Ports, StackOptions, down, up
from store.cassandra.address import CassandraAddress
from tests.keyspaces import fresh_keyspace


@pytest.fixture(scope="session")
def cassandra_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Contact points: those of SAMVAD_CASSANDRA, or of a stack that is started for this run."""
    if named := os.environ.get("SAMVAD_CASSANDRA"):
        yield named
        return
    folder = tmp_path_factory.mktemp("stack")
    try:
        yield up(StackOptions(folder, with_jaeger=False, ports=Ports.free()), print).cassandra
    finally:
        down(folder, print, wipe=True)


@pytest.fixture(scope="session")
def cassandra_keyspace(cassandra_server: str) -> Iterator[CassandraAddress]:
    """A fresh, migrated keyspace for this run."""
    with fresh_keyspace(cassandra_server) as address:
        yield address
