"""Where Cassandra is, and who asks."""

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class CassandraAddress:
    """Contact points are `host:port`. `datacenter` is the one to stay in; None takes the contact points' own.

    `ca_file` turns TLS on; `certificate_file` beside it is for clusters that ask clients for one. `check_host_name`:
    each node's certificate must name the IP address at which the node is reached (the driver looks names up first).
    """

    contact_points: tuple[str, ...]
    keyspace: str = "samvad"
    datacenter: str | None = None
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    ca_file: Path | None = None
    certificate_file: Path | None = None
    key_file: Path | None = None
    check_host_name: bool = True
