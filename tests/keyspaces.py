"""A keyspace of one's own on a Cassandra server that others use too, gone at the end."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager

from store.cassandra.address import CassandraAddress
from store.cassandra.cluster import connect_to, new_cluster
from store.cassandra.migrating import migrate

DROP_SECONDS = 30.0


@contextmanager
def fresh_keyspace(contact_points: str) -> Iterator[CassandraAddress]:
    """Migrated, on `host:port,host:port`. Blocks."""
    points = tuple(contact_points.split(","))
    address = CassandraAddress(points, keyspace=f"test_{uuid.uuid4().hex[:12]}")
    migrate(address, 1, say=lambda _: None)
    try:
        yield address
    finally:
        drop(address)


def drop(address: CassandraAddress) -> None:
    """Takes the keyspace away, with what is in it."""
    cluster = new_cluster(address, DROP_SECONDS)
    try:
        connect_to(cluster).execute(f"DROP KEYSPACE IF EXISTS {address.keyspace}")
    finally:
        cluster.shutdown()
