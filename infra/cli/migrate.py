"""`samvad migrate`: makes or brings up to date the tables in Cassandra."""

from typing import Annotated

import typer

from infra.cassandra_settings import CassandraSettings
from infra.cli.refusals import clear_refusals
from infra.refused import Refused


def migrate(
    replication: Annotated[
        int, typer.Option(min=1, max=3, help="copies in each datacenter, for a new keyspace: 1 or 3")
    ] = 1,
    wait_seconds: Annotated[float, typer.Option(min=0, help="how long to wait for Cassandra to come up")] = 60,
) -> None:
    """Bring the keyspace on SAMVAD_CASSANDRA to this program's schema. May be run at any time, also twice at once."""
    with clear_refusals():
        address = CassandraSettings().address()
        if address is None:
            raise Refused("name Cassandra's contact points: SAMVAD_CASSANDRA=127.0.0.1:9042")
        from store.cassandra.migrating import migrate as bring_up_to_date  # noqa: PLC0415  no driver, no need of one

        bring_up_to_date(address, replication, print, wait_seconds)
