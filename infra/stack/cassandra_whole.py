"""After every node answers: do they know each other, and does a secure stack have its own superuser?

The default superuser's password is known to everybody, so ours takes its place.
"""

import ssl
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

from cassandra import ConsistencyLevel, DriverException
from cassandra.auth import PlainTextAuthProvider
from cassandra.cluster import EXEC_PROFILE_DEFAULT, Cluster, ExecutionProfile, NoHostAvailable, Session
from cassandra.policies import RoundRobinPolicy

from infra.stack.options import StackOptions, loopback
from infra.stack.patience import patiently
from infra.stack.secret_files import USER, Secrets

STATEMENT_SECONDS = 10.0
_DEFAULT_SUPERUSER = "cassandra"
_PASSING = (DriverException, NoHostAvailable)


def settle_cassandra(options: StackOptions, secrets: Secrets | None) -> None:
    """Returns when every node answers, as our superuser on a secure stack. Raises ServerFailed."""
    nodes = _Nodes(options, secrets)
    if secrets is not None and not nodes.knows_us():
        patiently("Cassandra did not take our superuser", lambda: _take_over(nodes, secrets), _PASSING)
    patiently("Cassandra's nodes did not find each other", nodes.read_roles_everywhere, _PASSING)


def _take_over(nodes: "_Nodes", secrets: Secrets) -> None:
    with nodes.session(_DEFAULT_SUPERUSER, _DEFAULT_SUPERUSER) as session:
        made = f"CREATE ROLE IF NOT EXISTS {USER} WITH SUPERUSER = true AND LOGIN = true AND PASSWORD = %s"
        session.execute(made, (secrets.cassandra_password,))
    with nodes.session(USER, secrets.cassandra_password) as session:
        session.execute(f"DROP ROLE IF EXISTS {_DEFAULT_SUPERUSER}")


@dataclass(frozen=True, slots=True)
class _Nodes:
    options: StackOptions
    secrets: Secrets | None

    def knows_us(self) -> bool:
        """Whether our superuser can sign in."""
        try:
            with self.ours():
                return True
        except NoHostAvailable:
            return False

    def read_roles_everywhere(self) -> None:
        """Spreads the roles over all nodes and reads them from each, which also repairs those that lack some."""
        count = self.options.cassandra_nodes
        with self.ours() as session:
            copies = f"{{'class': 'SimpleStrategy', 'replication_factor': {count}}}"
            session.execute(f"ALTER KEYSPACE system_auth WITH replication = {copies}")
            session.execute("SELECT role FROM system_auth.roles")

    def ours(self) -> AbstractContextManager[Session]:
        """A session as our superuser, or as nobody where nobody is asked for a name."""
        return self.session(USER, self.secrets.cassandra_password) if self.secrets else self.session("", "")

    @contextmanager
    def session(self, username: str, password: str) -> Iterator[Session]:
        """A session at consistency ALL."""
        options = self.options
        everywhere = ExecutionProfile(RoundRobinPolicy(), consistency_level=ConsistencyLevel.ALL)
        everywhere.request_timeout = STATEMENT_SECONDS
        cluster = Cluster(
            [loopback(number) for number in range(1, options.cassandra_nodes + 1)],
            port=options.ports.cassandra,
            auth_provider=PlainTextAuthProvider(username, password) if username else None,
            ssl_context=ssl.create_default_context(cafile=self.secrets.ca_file) if self.secrets else None,
            execution_profiles={EXEC_PROFILE_DEFAULT: everywhere},
        )
        try:
            yield cluster.connect()
        finally:
            cluster.shutdown()
