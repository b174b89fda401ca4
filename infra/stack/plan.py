"""What is started: from options to commands, configuration files and addresses. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path


class Kind(Enum):
    """Decides how a server is asked whether it is ready."""

    KAFKA = "kafka"
    CASSANDRA = "cassandra"
    JAEGER = "jaeger"


@dataclass(frozen=True, slots=True)
class Built:
    """Where the servers' programs are."""

    java: str
    kafka: Path
    """A folder of jars, and so is Cassandra's."""
    cassandra: Path
    jaeger: Path
    """The program."""


@dataclass(frozen=True, slots=True)
class Preparation:
    """A command to run once, before a server's first start."""

    command: tuple[str, ...]
    made: Path
    """What the command makes: there, it is not run again."""


@dataclass(frozen=True, slots=True)
class ServerPlan:
    """One server."""

    name: str
    kind: Kind
    host: str
    port: int
    """Where its clients connect."""
    other_ports: tuple[int, ...]
    command: tuple[str, ...]
    files: Mapping[Path, str] = field(default_factory=dict)
    """Generated configuration."""
    preparation: Preparation | None = None

    @property
    def address(self) -> str:
        """`host:port` for clients."""
        return f"{self.host}:{self.port}"
