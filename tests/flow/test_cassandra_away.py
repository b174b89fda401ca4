"""A Cassandra that is away at the start: waited for whatever the reason, and said when somebody has to mend it."""

import socket
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Never

import pytest
from structlog.testing import capture_logs

from schemas.ids import new_id
from store.cassandra import session as session_module
from store.cassandra.address import CassandraAddress
from store.cassandra.cluster import Connected
from store.cassandra.migrating import migrate
from store.cassandra.opening import open_cassandra_store
from store.cassandra.session import CassandraSession
from store.errors import StoreError, StoreUnavailable
from tests.contracts.deadlines import eventually

ADDRESS = CassandraAddress(("cassandra.invalid:9042",))
AWAY = StoreUnavailable("nobody answers")


class Driver:
    """Stands for the driver's cluster."""

    is_closed = False

    def shutdown(self) -> None:
        self.is_closed = True


def outcomes(*errors: Exception) -> Callable[..., Connected]:
    """Connecting fails with these, one after the other, and then works."""
    left = list(errors)

    def connect(*_: Any) -> Connected:
        if left:
            raise left.pop(0)
        return Connected(Driver(), None, {})

    return connect


@pytest.fixture
def no_names(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: Any, **__: Any) -> Never:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)


async def reconnected(monkeypatch: pytest.MonkeyPatch, *errors: Exception) -> list[tuple[str, str]]:
    """The warnings (event and reason) until a session that met these errors was connected."""
    monkeypatch.setattr(session_module, "RECONNECT_SECONDS", 0)
    monkeypatch.setattr(session_module, "connect", outcomes(*errors))
    with capture_logs() as logged:
        async with CassandraSession(ADDRESS, []):
            await eventually(lambda: is_there(logged), 5)
    return [(line["event"], line["reason"]) for line in logged if line["log_level"] == "warning"]


async def is_there(logged: list[Any]) -> bool:
    return any(line["event"] == "cassandra_is_there" for line in logged)


async def test_files_for_tls_that_cannot_be_used_are_refused_and_not_waited_for() -> None:
    no_pem = Path(__file__)
    for address, said in (
        (replace(ADDRESS, ca_file=no_pem), "can't be used"),
        (replace(ADDRESS, certificate_file=no_pem), "SAMVAD_CASSANDRA_CA_FILE"),
    ):
        with pytest.raises(StoreError, match=said) as refused:
            await CassandraSession(address, []).__aenter__()
        assert not isinstance(refused.value, StoreUnavailable)


@pytest.mark.usefixtures("no_names")
async def test_a_name_that_nobody_knows_yet_is_waited_for() -> None:
    async with open_cassandra_store(ADDRESS) as store:
        with pytest.raises(StoreUnavailable):
            await store.turns.load(new_id())


@pytest.mark.usefixtures("no_names")
def test_migrating_waits_for_a_name_that_nobody_knows_yet_and_then_says_so() -> None:
    said: list[str] = []
    with pytest.raises(StoreUnavailable, match="names"):
        migrate(ADDRESS, 1, said.append, wait_seconds=0.1)
    assert said == ["waiting for Cassandra at cassandra.invalid:9042"]


async def test_connecting_survives_every_error(monkeypatch: pytest.MonkeyPatch) -> None:
    warned = await reconnected(monkeypatch, AWAY, RuntimeError("a bug"), AWAY)
    assert ("cassandra_cannot_be_used", "RuntimeError: a bug") in warned


async def test_what_somebody_has_to_mend_is_warned_of_once_for_each_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    password, tables = StoreError("wrong password"), StoreError("run samvad migrate")
    warned = await reconnected(monkeypatch, AWAY, password, password, AWAY, password, tables, tables)
    assert warned == [
        ("waiting_for_cassandra", "nobody answers"),
        ("cassandra_cannot_be_used", "wrong password"),
        ("cassandra_cannot_be_used", "run samvad migrate"),
    ]
