"""Where Cassandra is, and who asks."""

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class CassandraAddress:
    """Contact points are `host:port`. `datacenter` is the one to stay in; None takes the contact points' own.

    `ca_file` or `certificate_file` turns TLS on; the latter is for clusters that ask clients for one.
    """

    contact_points: tuple[str, ...]
    keyspace: str = "samvad"
    datacenter: str | None = None
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    ca_file: Path | None = None
    certificate_file: Path | None = None
    key_file: Path | None = None
