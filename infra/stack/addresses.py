"""Where a running stack is reached, as values and as Samvad's settings."""

from dataclasses import dataclass, field

from infra.stack.kafka_plan import MECHANISM
from infra.stack.options import StackOptions, loopback
from infra.stack.secret_files import USER, Secrets
from producers.kafka_address import KafkaAddress
from store.cassandra.address import CassandraAddress


@dataclass(frozen=True, slots=True)
class StackAddresses:
    """Addresses for clients."""

    kafka: str
    """Bootstrap servers: `host:port,host:port`."""
    cassandra: str
    """Contact points: `host:port,host:port`; empty without Cassandra."""
    otlp: str
    """An OTLP endpoint over HTTP, such as `http://127.0.0.1:4318`; empty without Jaeger."""
    jaeger_query: str
    """Jaeger's query API, such as `http://127.0.0.1:16686`; empty without Jaeger."""
    secrets: Secrets | None = field(default=None, repr=False)
    """Of a secure stack."""

    def environ(self) -> dict[str, str]:
        """The settings (DESIGN 8) with which Samvad's processes use this stack."""
        named = {
            "SAMVAD_KAFKA": self.kafka,
            "SAMVAD_CASSANDRA": self.cassandra,
            "OTEL_EXPORTER_OTLP_ENDPOINT": self.otlp,
        }
        reached = {name: value for name, value in named.items() if value}
        return reached | (_sign_in(self.secrets) if self.secrets else {})

    def kafka_address(self) -> KafkaAddress:
        """How an aiokafka client is made for it."""
        if self.secrets is None:
            return KafkaAddress(self.kafka)
        return KafkaAddress(
            self.kafka,
            "SASL_SSL",
            MECHANISM,
            username=USER,
            password=self.secrets.kafka_password,
            ca_file=self.secrets.ca_file,
        )

    def cassandra_address(self, keyspace: str = "samvad") -> CassandraAddress:
        """How Samvad's store is opened on it."""
        points = tuple(self.cassandra.split(","))
        if self.secrets is None:
            return CassandraAddress(points, keyspace)
        return CassandraAddress(
            points,
            keyspace,
            username=USER,
            password=self.secrets.cassandra_password,
            ca_file=self.secrets.ca_file,
        )


def _sign_in(secrets: Secrets) -> dict[str, str]:
    return {
        "SAMVAD_KAFKA_SECURITY": "SASL_SSL",
        "SAMVAD_KAFKA_SASL_MECHANISM": MECHANISM,
        "SAMVAD_KAFKA_USERNAME": USER,
        "SAMVAD_KAFKA_PASSWORD": secrets.kafka_password,
        "SAMVAD_KAFKA_CA_FILE": str(secrets.ca_file),
        "SAMVAD_CASSANDRA_USERNAME": USER,
        "SAMVAD_CASSANDRA_PASSWORD": secrets.cassandra_password,
        "SAMVAD_CASSANDRA_CA_FILE": str(secrets.ca_file),
    }


def stack_addresses(options: StackOptions, secrets: Secrets | None) -> StackAddresses:
    """Where a stack with these options is reached."""
    ports, host = options.ports, loopback(1)
    return StackAddresses(
        kafka=_addresses(options.brokers, ports.kafka),
        cassandra=_addresses(options.cassandra_nodes, ports.cassandra),
        otlp=f"http://{host}:{ports.otlp}" if options.with_jaeger else "",
        jaeger_query=f"http://{host}:{ports.jaeger_query}" if options.with_jaeger else "",
        secrets=secrets,
    )


def _addresses(count: int, port: int) -> str:
    return ",".join(f"{loopback(number)}:{port}" for number in range(1, count + 1))
