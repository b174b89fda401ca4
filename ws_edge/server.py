"""The listening socket and the ASGI server on it.

In: an address and an application. Out: connections served until told to stop. Signals stay the composition root's.
"""

import asyncio
import logging
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn

from schemas.client_frames import MAX_FRAME_BYTES
from ws_edge.bounded_http import BoundedHttp
from ws_edge.bounded_websocket import bounded_websocket
from ws_edge.settings import EdgeSettings

BACKLOG = 2048
HTTP_GRACE_SECONDS = 2
_CLIENTS_DOING = (
    "ASGI callable returned without completing handshake.",
    "ASGI callable returned without completing response.",
)
SEND_BUFFER_BYTES = 128 * 1024
"""Left alone, the kernel keeps up to 4 MiB for each slow reader: old deltas that one snapshot replaces (G7)."""


@contextmanager
def listening_socket(settings: EdgeSettings) -> Iterator[socket.socket]:
    """A bound socket. The accepted ones inherit its options; who never reads would otherwise stay for ever (W1)."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
        if sys.platform == "linux":
            timeout_ms = int(settings.tcp_user_timeout_seconds * 1000)
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, timeout_ms)
        listener.bind((settings.host, settings.port))
        yield listener


class EdgeServer(uvicorn.Server):
    """uvicorn, without its hands on the process's signals. `is_up` is set once connections are accepted."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.is_up = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.is_up.set()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def edge_server(app: Any, settings: EdgeSettings) -> EdgeServer:
    """A server for `serve(sockets=[...])`, ended by `should_exit`."""
    logging.getLogger("uvicorn.error").addFilter(_nothing_private)
    config = uvicorn.Config(
        app,
        ws=bounded_websocket(settings),
        http=BoundedHttp,
        ws_per_message_deflate=False,  # W5: 69 instead of 31 KiB for each idle connection, and CRIME
        ws_max_size=MAX_FRAME_BYTES,  # W6
        ws_ping_interval=settings.heartbeat_seconds,
        ws_ping_timeout=settings.heartbeat_seconds,
        access_log=False,
        log_config=None,
        log_level=logging.WARNING,
        lifespan="off",
        proxy_headers=False,
        server_header=False,
        backlog=BACKLOG,
        timeout_graceful_shutdown=HTTP_GRACE_SECONDS,
    )
    return EdgeServer(config)


def _nothing_private(record: logging.LogRecord) -> bool:
    """Whatever the level: below WARNING uvicorn logs whole addresses (W9) and, through websockets, whole frames.

    Some of its errors are a client's doing and no reason to wake anybody: text that is not UTF-8 (the client gets
    1007), an upgrade that we refused, which uvicorn does not count as a finished handshake, and an event stream that
    nobody reads, which we cut off in the middle.
    """
    if record.msg in _CLIENTS_DOING:
        return False
    if record.msg == "Invalid UTF-8 sequence received from client.":
        record.exc_info, record.levelno, record.levelname = None, logging.WARNING, "WARNING"
    return record.levelno >= logging.WARNING
