"""Brings a keyspace to the schema that this program knows: numbered CQL files, each applied once.

May run at any time, again and again, and from two machines at once: one holds the lock, the others wait and then find
nothing to do. Each file's statements are idempotent too, so one broken off in the middle is run again.
"""

import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from store.cassandra.address import CassandraAddress
from store.cassandra.cluster import connect_to, new_cluster
from store.cassandra.failures import store_error
from store.cassandra.schema import VERSIONS_TABLE, Migration, applied_versions, known_migrations, refuse_newer
from store.errors import StoreError, StoreUnavailable

Say = Callable[[str], None]

WAIT_SECONDS = 60.0
LOCK_SECONDS = 120
DDL_SECONDS = 30.0
_LOCK = 0
"""The lock is a row of the versions' table, under a number that no migration has."""


def migrate(address: CassandraAddress, replication: int, say: Say, wait_seconds: float = WAIT_SECONDS) -> None:
    """Blocks. `replication`: copies in each datacenter, for a new keyspace.

    Waits for a cluster that is not there yet. Raises StoreUnavailable, NewerSchema, or StoreError.
    """
    with _connected(address, wait_seconds, say) as session:
        try:
            _make_keyspace(session, address.keyspace, replication, say)
            with _locked(session, address.keyspace):
                _apply_missing(session, address.keyspace, say)
        except Exception as error:
            raise store_error(error) from error


@contextmanager
def _connected(address: CassandraAddress, wait_seconds: float, say: Say) -> Iterator[Any]:
    cluster, session = _connect_within(address, time.monotonic() + wait_seconds, say)
    try:
        yield session
    finally:
        cluster.shutdown()


def _connect_within(address: CassandraAddress, deadline: float, say: Say) -> tuple[Any, Any]:
    told = False
    while True:
        try:
            return _connect(address)
        except Exception as error:
            reason = store_error(error)
            if not isinstance(reason, StoreUnavailable) or time.monotonic() > deadline:
                raise reason from error
        if not told:
            say(f"waiting for Cassandra at {', '.join(address.contact_points)}")
        told = True
        time.sleep(1)


def _connect(address: CassandraAddress) -> tuple[Any, Any]:
    cluster = new_cluster(address, DDL_SECONDS)
    try:
        return cluster, connect_to(cluster)
    except BaseException:
        cluster.shutdown()
        raise


def _make_keyspace(session: Any, keyspace: str, replication: int, say: Say) -> None:
    if keyspace not in session.cluster.metadata.keyspaces:
        say(f"keyspace {keyspace}, {replication} {'copy' if replication == 1 else 'copies'} in each datacenter")
    session.execute(
        f"CREATE KEYSPACE IF NOT EXISTS {keyspace} WITH replication = "
        f"{{'class': 'NetworkTopologyStrategy', 'replication_factor': {replication}}}"
    )
    session.set_keyspace(keyspace)
    session.execute(
        f"CREATE TABLE IF NOT EXISTS {VERSIONS_TABLE} "
        "(version int PRIMARY KEY, name text, applied_at timestamp, holder uuid)"
    )


def _apply_missing(session: Any, keyspace: str, say: Say) -> None:
    known, applied = known_migrations(), applied_versions(session, keyspace)
    refuse_newer(keyspace, applied, {migration.version for migration in known})
    missing = [migration for migration in known if migration.version not in applied]
    for migration in missing:
        _apply(session, migration)
        say(f"applied {migration.version:04} {migration.name}")
    if not missing:
        say(f"keyspace {keyspace} is at schema {known[-1].version:04} {known[-1].name}")


def _apply(session: Any, migration: Migration) -> None:
    for statement in migration.statements:
        session.execute(statement)
    session.execute(
        f"INSERT INTO {VERSIONS_TABLE} (version, name, applied_at) VALUES (%s, %s, toTimestamp(now())) IF NOT EXISTS",
        (migration.version, migration.name),
    )


@contextmanager
def _locked(session: Any, keyspace: str) -> Iterator[None]:
    """Compare-and-set writes only. A holder that dies is forgotten after LOCK_SECONDS."""
    me, deadline = uuid.uuid4(), time.monotonic() + LOCK_SECONDS + 5
    take = f"INSERT INTO {VERSIONS_TABLE} (version, holder) VALUES (%s, %s) IF NOT EXISTS USING TTL {LOCK_SECONDS}"
    while not session.execute(take, (_LOCK, me)).one()[0]:
        if time.monotonic() > deadline:
            raise StoreError(f"somebody else has been migrating keyspace {keyspace} for over two minutes: try again")
        time.sleep(0.2)
    try:
        yield
    finally:
        session.execute(f"DELETE FROM {VERSIONS_TABLE} WHERE version = %s IF holder = %s", (_LOCK, me))
