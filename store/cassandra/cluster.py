"""Everything about connecting that blocks: run in a thread, never on the event loop (C2).

In: an address and the statements to prepare. Out: a `Connected`, or an error in the store's words.
"""

import logging
import ssl
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cassandra import ConsistencyLevel
from cassandra.auth import PlainTextAuthProvider
from cassandra.cluster import EXEC_PROFILE_DEFAULT, Cluster, ExecutionProfile
from cassandra.policies import DCAwareRoundRobinPolicy, ExponentialReconnectionPolicy, RetryPolicy, TokenAwarePolicy
from cassandra.query import tuple_factory

from store.cassandra.address import CassandraAddress
from store.cassandra.failures import store_error
from store.cassandra.schema import check_schema
from store.cassandra.statements import Kind, Statement
from store.cassandra.steady_clock import measure_steadily
from store.errors import StoreError

REQUEST_SECONDS = 2.5
CONNECT_SECONDS = 2.5
HEARTBEAT_SECONDS = 2
"""A frozen server is known as one after two or three of these; until then each statement waits out its time."""
SERIAL_READS = "serial-reads"
DEFAULT_PORT = 9042
# v4 of the protocol has all that we use; v5 frames every message twice, in Python.
PROTOCOL_VERSION = 4

measure_steadily()


@dataclass(frozen=True, slots=True)
class Connected:
    """A driver session in the store's keyspace, with its prepared statements."""

    cluster: Any
    session: Any
    prepared: dict[Statement, Any]

    def close(self) -> None:
        """Blocks for a moment."""
        self.cluster.shutdown()


class OnlyTheRepeatable(RetryPolicy):  # type: ignore[misc]
    """Tries another host once, and only with statements that may be repeated (C5)."""

    def on_request_error(self, query: Any, consistency: Any, error: Exception, retry_num: int) -> tuple[int, None]:
        if retry_num == 0 and query is not None and query.is_idempotent:
            return self.RETRY_NEXT_HOST, None
        return self.RETHROW, None


def connect(address: CassandraAddress, statements: Iterable[Statement]) -> Connected:
    """Blocks for up to some seconds. Raises StoreUnavailable, or StoreError for what waiting does not mend."""
    try:
        return _connected(new_cluster(address), address.keyspace, statements)
    except Exception as error:
        raise store_error(error) from error


def _connected(cluster: Any, keyspace: str, statements: Iterable[Statement]) -> Connected:
    try:
        session = connect_quietly(cluster)
        check_schema(session, keyspace)
        return Connected(cluster, session, {one: _prepare(session, one, keyspace) for one in statements})
    except BaseException:
        cluster.shutdown()
        raise


def connect_to(cluster: Any) -> Any:
    """A driver session without a keyspace. Blocks."""
    session = cluster.connect()
    # C1: the pure Python event loops are slower, unfit for threads, or missing from the interpreter.
    if cluster.connection_class.__name__ != "LibevConnection":
        raise StoreError("cassandra-driver was installed without its C extensions: install it from a wheel")
    return session


def connect_quietly(cluster: Any) -> Any:
    """As `connect_to`, without the driver's tracebacks: whoever waits for a server says so once, in its own words."""
    log = logging.getLogger("cassandra")
    level = log.level
    log.setLevel(logging.CRITICAL)
    try:
        return connect_to(cluster)
    finally:
        log.setLevel(level)


def new_cluster(address: CassandraAddress, request_seconds: float = REQUEST_SECONDS) -> Any:
    """A cluster that was not connected to yet; made after a fork, never at import (C7).

    Raises the driver's UnresolvableContactPoints while none of the names is known: `store_error` tells what it means.
    """
    points = [_host_and_port(point) for point in address.contact_points]
    routing = TokenAwarePolicy(DCAwareRoundRobinPolicy(address.datacenter or ""))
    return Cluster(
        points,
        port=points[0][1],
        protocol_version=PROTOCOL_VERSION,
        compression=False,
        auth_provider=_credentials(address),
        ssl_context=_ssl_context(address),
        execution_profiles={
            EXEC_PROFILE_DEFAULT: _profile(routing, ConsistencyLevel.LOCAL_QUORUM, request_seconds),
            SERIAL_READS: _profile(routing, ConsistencyLevel.SERIAL, request_seconds),
        },
        reconnection_policy=ExponentialReconnectionPolicy(0.25, 1.0, max_attempts=None),
        connect_timeout=CONNECT_SECONDS,
        control_connection_timeout=CONNECT_SECONDS,
        idle_heartbeat_interval=HEARTBEAT_SECONDS,
        idle_heartbeat_timeout=HEARTBEAT_SECONDS,
        executor_threads=4,
        monitor_reporting_enabled=False,
    )


def _profile(routing: Any, consistency: int, request_seconds: float) -> ExecutionProfile:
    return ExecutionProfile(
        load_balancing_policy=routing,
        retry_policy=OnlyTheRepeatable(),
        consistency_level=consistency,
        serial_consistency_level=ConsistencyLevel.SERIAL,
        request_timeout=request_seconds,
        row_factory=tuple_factory,
    )


def _prepare(session: Any, statement: Statement, keyspace: str) -> Any:
    prepared = session.prepare(statement.cql_in(keyspace))
    prepared.is_idempotent = statement.may_be_repeated
    return prepared


def profile_of(statement: Statement) -> Any:
    """The execution profile that a statement runs under."""
    return SERIAL_READS if statement.kind is Kind.SERIAL_READ else EXEC_PROFILE_DEFAULT


def _host_and_port(point: str) -> tuple[str, int]:
    host, colon, port = point.rpartition(":")
    return (host.strip("[]"), int(port)) if colon and port.isdigit() else (point, DEFAULT_PORT)


def _credentials(address: CassandraAddress) -> Any:
    if address.username is None:
        return None
    return PlainTextAuthProvider(address.username, address.password or "")


def _ssl_context(address: CassandraAddress) -> ssl.SSLContext | None:
    if address.ca_file is None and address.certificate_file is None:
        return None
    if address.ca_file is None:
        raise StoreError("a certificate for Cassandra needs the authority to trust: set SAMVAD_CASSANDRA_CA_FILE")
    try:
        return _trusting(address, address.ca_file)
    except OSError as error:  # also ssl.SSLError: waiting mends no file
        raise StoreError(f"the files for TLS to Cassandra can't be used: {error}") from error


def _trusting(address: CassandraAddress, ca_file: Path) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=ca_file)
    context.check_hostname = address.check_host_name
    if address.certificate_file is not None:
        context.load_cert_chain(address.certificate_file, address.key_file)
    return context
