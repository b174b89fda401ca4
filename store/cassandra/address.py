"""Where Cassandra is, and who asks."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class CassandraAddress:
    """Contact points are `host:port`. `datacenter` is the one to stay in; None takes the contact points' own.

    `ca_file` turns TLS on; the certificate and its key are only for clusters that ask clients for one.
    """

    contact_points: tuple[str, ...]
    keyspace: str = "samvad"
    datacenter: str | None = None
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    ca_file: str | None = None
    certificate_file: str | None = None
    key_file: str | None = None
