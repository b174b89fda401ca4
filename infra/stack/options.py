"""What one native stack is made of: how many servers, on which ports, with or without TLS and passwords."""

import errno
import random
import socket
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

MOST_NODES = 3
FREE_PORTS = range(20_000, 32_000)
"""Below the ports that a system hands out for outgoing connections: a killed server finds its port still free."""


@dataclass(frozen=True, slots=True)
class Ports:
    """TCP ports. Each broker and each node has a loopback address of its own (127.0.0.1, 127.0.0.2, ...) and the same
    ports."""

    kafka: int = 9092
    cassandra: int = 9042
    otlp: int = 4318
    jaeger_query: int = 16686
    kafka_brokers: int = 19092
    """What brokers tell each other."""
    kafka_controllers: int = 29092
    cassandra_nodes: int = 7000
    """What nodes tell each other."""

    @classmethod
    def free(cls) -> "Ports":
        """Ports where nobody listens now."""
        candidates = free_ports()
        return cls(*(next(candidates) for _ in fields(cls)))

    @classmethod
    def parsed(cls, text: str) -> "Ports":
        """From `free`, `+100`, or `kafka=19092,otlp=14318`. Raises ValueError with what would do."""
        if text == "free":
            return cls.free()
        if text.startswith("+") and text[1:].isdecimal():
            return cls().moved(int(text))
        try:
            return cls(**{name: int(port) for name, port in (one.split("=") for one in text.split(","))})
        except (ValueError, TypeError) as error:
            names = ", ".join(one.name for one in fields(cls))
            raise ValueError(f"'{text}' names no ports: free, +100, or name=port with commas ({names})") from error

    def moved(self, offset: int) -> "Ports":
        """Every port `offset` higher."""
        return Ports(**{name: port + offset for name, port in asdict(self).items()})


@dataclass(frozen=True, slots=True)
class StackOptions:
    """A stack in a folder: 1 or 3 brokers; 0, 1 or 3 Cassandra nodes. Raises ValueError for others."""

    folder: Path
    brokers: int = 1
    cassandra_nodes: int = 1
    with_jaeger: bool = True
    secure: bool = False
    """TLS for every client, SCRAM for Kafka, a password for Cassandra."""
    ports: Ports = field(default_factory=Ports)

    def __post_init__(self) -> None:
        if self.brokers not in (1, MOST_NODES) or self.cassandra_nodes not in (0, 1, MOST_NODES):
            raise ValueError(f"a stack has 1 or {MOST_NODES} brokers and 0, 1 or {MOST_NODES} Cassandra nodes")

    def as_json(self) -> dict[str, Any]:
        """Everything but the folder, which may be moved."""
        return {name: value for name, value in asdict(self).items() if name != "folder"}

    @classmethod
    def from_json(cls, folder: Path, values: dict[str, Any]) -> "StackOptions":
        """The options that `as_json` wrote. Raises TypeError for what another version wrote."""
        return cls(folder, **{**values, "ports": Ports(**values["ports"])})

    def described(self) -> str:
        """For a person."""
        secured = ", secure" if self.secure else ""
        return f"brokers: {self.brokers}, Cassandra nodes: {self.cassandra_nodes}{secured}, Kafka on {self.ports.kafka}"

    def same_servers(self, other: "StackOptions") -> bool:
        """Whether the other options may use the same data: Jaeger keeps none, so it may come and go."""
        return replace(self, with_jaeger=True) == replace(other, with_jaeger=True)


def loopback(number: int) -> str:
    """The address of the broker or node with this number, from 1."""
    return f"127.0.0.{number}"


def free_ports() -> Iterator[int]:
    """Different ones, each free on every loopback address of a stack when it is asked for."""
    for port in random.sample(FREE_PORTS, len(FREE_PORTS)):
        if all(is_free(loopback(number), port) for number in range(1, MOST_NODES + 1)):
            yield port


def is_free(host: str, port: int) -> bool:
    """Whether a server could listen there now. Raises OSError for an address that this machine has not."""
    with socket.socket() as probe:
        probe.setsockopt(
            socket.SOL_SOCKET, socket.SO_REUSEADDR, 1
        )  # a finished connection's last minute is no listener
        try:
            probe.bind((host, port))
        except PermissionError:
            return False
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return False
            raise
    return True
