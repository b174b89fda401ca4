"""Is a server ready? Each is asked in its own protocol, by one short round trip that needs no password."""

import socket
import ssl
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from infra.direct_http import open_directly
from infra.stack.plan import Kind, ServerPlan

ANSWER_SECONDS = 2.0
_KAFKA_API_VERSIONS = struct.pack(">ihhih", 10, 18, 0, 1, -1)
"""Length, ApiVersions, its version 0, correlation id 1, no client id."""
_CASSANDRA_OPTIONS = struct.pack(">BBhBi", 0x04, 0, 1, 0x05, 0)
"""Native protocol 4, no flags, stream 1, OPTIONS, no body."""
_CASSANDRA_SUPPORTED = 0x06


def answers(plan: ServerPlan, ca_file: Path | None) -> bool:
    """Whether the server answers now; `ca_file` when its clients speak TLS."""
    try:
        return _ASK[plan.kind](plan, ca_file)
    except OSError:
        return False


def _kafka(plan: ServerPlan, ca_file: Path | None) -> bool:
    answer = _exchange(plan, ca_file, _KAFKA_API_VERSIONS, 10)
    return struct.unpack(">ih", answer[4:10]) == (1, 0)  # our correlation id, no error


def _cassandra(plan: ServerPlan, ca_file: Path | None) -> bool:
    return _exchange(plan, ca_file, _CASSANDRA_OPTIONS, 9)[4] == _CASSANDRA_SUPPORTED


def _jaeger(plan: ServerPlan, _: Path | None) -> bool:
    with open_directly(f"http://{plan.address}/api/services", ANSWER_SECONDS) as answer:
        return bool(answer.status == 200)


def _exchange(plan: ServerPlan, ca_file: Path | None, question: bytes, count: int) -> bytes:
    """The first `count` bytes of the answer. Raises OSError."""
    with _connected(plan, ca_file) as connection:
        connection.sendall(question)
        answer = b""
        while len(answer) < count:
            piece = connection.recv(count - len(answer))
            if not piece:
                raise ConnectionError("closed before it answered")
            answer += piece
        return answer


@contextmanager
def _connected(plan: ServerPlan, ca_file: Path | None) -> Iterator[socket.socket]:
    with socket.create_connection((plan.host, plan.port), ANSWER_SECONDS) as plain:
        if ca_file is None:
            yield plain
            return
        trusting = ssl.create_default_context(cafile=ca_file)
        with trusting.wrap_socket(plain, server_hostname=plan.host) as encrypted:
            yield encrypted


_ASK = {Kind.KAFKA: _kafka, Kind.CASSANDRA: _cassandra, Kind.JAEGER: _jaeger}
