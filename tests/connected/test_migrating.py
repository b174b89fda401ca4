"""`samvad migrate`: again, at once, against a newer schema, and what a role says without it."""

import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from store.cassandra.address import CassandraAddress
from store.cassandra.cluster import connect_to, new_cluster
from store.cassandra.migrating import migrate
from store.cassandra.opening import open_cassandra_store
from store.cassandra.schema import NewerSchema, known_migrations
from store.errors import StoreError
from tests.keyspaces import drop

pytestmark = pytest.mark.connected

ROOT = Path(__file__).parents[2]
LAST = known_migrations()[-1]


@pytest.fixture
def no_keyspace(cassandra_keyspace: CassandraAddress) -> Iterator[CassandraAddress]:
    """A keyspace that is not there yet."""
    address = replace(cassandra_keyspace, keyspace=f"test_{uuid.uuid4().hex[:12]}")
    yield address
    drop(address)


def run_cql(address: CassandraAddress, cql: str) -> None:
    cluster = new_cluster(address, 30)
    try:
        connect_to(cluster).execute(cql)
    finally:
        cluster.shutdown()


async def refusal_at_opening(address: CassandraAddress) -> str:
    with pytest.raises(StoreError) as refused:
        async with open_cassandra_store(address):
            pass
    return str(refused.value)


async def test_without_a_keyspace_a_store_is_refused_with_what_to_do(no_keyspace: CassandraAddress) -> None:
    assert "run samvad migrate" in await refusal_at_opening(no_keyspace)


async def test_a_second_run_changes_nothing_and_says_so(no_keyspace: CassandraAddress) -> None:
    first, second = list[str](), list[str]()
    migrate(no_keyspace, 1, first.append)
    migrate(no_keyspace, 1, second.append)
    assert first[-1] == f"applied {LAST.version:04} {LAST.name}"
    assert second == [f"keyspace {no_keyspace.keyspace} is at schema {LAST.version:04} {LAST.name}"]
    async with open_cassandra_store(no_keyspace) as store:
        assert await store.turns.load(str(uuid.uuid4())) is None


def test_of_several_at_once_one_applies_and_none_fails(no_keyspace: CassandraAddress) -> None:
    said = list[str]()
    with ThreadPoolExecutor(4) as threads:
        running = [threads.submit(migrate, no_keyspace, 1, said.append) for _ in range(4)]
    for one in running:
        one.result()
    assert said.count(f"applied {LAST.version:04} {LAST.name}") == 1


async def test_a_newer_schema_is_refused(no_keyspace: CassandraAddress) -> None:
    migrate(no_keyspace, 1, say=lambda _: None)
    run_cql(
        no_keyspace,
        f"INSERT INTO {no_keyspace.keyspace}.schema_migrations (version, name) VALUES (9999, 'x') IF NOT EXISTS",
    )
    with pytest.raises(NewerSchema, match="upgrade this program"):
        migrate(no_keyspace, 1, say=lambda _: None)
    assert "upgrade this program" in await refusal_at_opening(no_keyspace)


def test_the_command_shows_what_it_does_and_says_in_one_sentence_why_not(no_keyspace: CassandraAddress) -> None:
    done = samvad_migrate(
        SAMVAD_CASSANDRA=no_keyspace.contact_points[0], SAMVAD_CASSANDRA_KEYSPACE=no_keyspace.keyspace
    )
    assert (done.returncode, f"applied {LAST.version:04} {LAST.name}" in done.stdout, done.stderr) == (0, True, "")
    unnamed = samvad_migrate(SAMVAD_CASSANDRA="")
    assert (unnamed.returncode, unnamed.stderr.count("\n")) == (1, 1)
    away = samvad_migrate("--wait-seconds", "0", SAMVAD_CASSANDRA="127.0.0.1:1")
    assert (away.returncode, away.stderr.count("\n")) == (1, 1)


def samvad_migrate(*options: str, **environ: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "infra.cli.main", "migrate", *options]
    return subprocess.run(
        command, cwd=ROOT, env=os.environ | environ, capture_output=True, text=True, check=False, timeout=60
    )
