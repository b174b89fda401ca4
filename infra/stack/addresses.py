"""Where a running stack is reached, as values and as Samvad's settings."""

from dataclasses import dataclass

from infra.stack.options import StackOptions, loopback


@dataclass(frozen=True, slots=True)
class StackAddresses:
    """Addresses for clients."""

    kafka: str
    """Bootstrap servers: `host:port,host:port`."""
    cassandra: str
    """Contact points: `host:port,host:port`."""
    otlp: str
    """An OTLP endpoint over HTTP, such as `http://127.0.0.1:4318`; empty without Jaeger."""
    jaeger_query: str
    """Jaeger's query API, such as `http://127.0.0.1:16686`; empty without Jaeger."""

    def environ(self) -> dict[str, str]:
        """The settings (DESIGN 8) with which Samvad's processes use this stack."""
        named = {
            "SAMVAD_KAFKA": self.kafka,
            "SAMVAD_CASSANDRA": self.cassandra,
            "OTEL_EXPORTER_OTLP_ENDPOINT": self.otlp,
        }
        return {name: value for name, value in named.items() if value}


def stack_addresses(options: StackOptions) -> StackAddresses:
    """Where a stack with these options is reached."""
    ports, host = options.ports, loopback(1)
    return StackAddresses(
        kafka=_addresses(options.brokers, ports.kafka),
        cassandra=_addresses(options.cassandra_nodes, ports.cassandra),
        otlp=f"http://{host}:{ports.otlp}" if options.with_jaeger else "",
        jaeger_query=f"http://{host}:{ports.jaeger_query}" if options.with_jaeger else "",
    )


def _addresses(count: int, port: int) -> str:
    return ",".join(f"{loopback(number)}:{port}" for number in range(1, count + 1))
