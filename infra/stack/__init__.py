"""The real servers, natively on this machine: Kafka, Cassandra and Jaeger, for development, tests and benchmarks."""

from infra.stack.addresses import StackAddresses
from infra.stack.all_servers import server
from infra.stack.errors import PortInUse, ServerFailed, StackError, ToolMissing
from infra.stack.options import Ports, StackOptions
from infra.stack.servers import StackServer
from infra.stack.stack import addresses, down, up
from infra.stack.status import ServerStatus, status

__all__ = [
    "PortInUse",
    "Ports",
    "ServerFailed",
    "ServerStatus",
    "StackAddresses",
    "StackError",
    "StackOptions",
    "StackServer",
    "ToolMissing",
    "addresses",
    "down",
    "server",
    "status",
    "up",
]
