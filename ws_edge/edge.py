"""The websocket edge, whole: what the composition root opens, and all it has to pass.

    async with edge(settings, parts) as running:
        print(running.address)          # "http://127.0.0.1:8000"; bound and serving, though not ready yet
        await running.ready.wait()      # the last replies are read: sessions are let in
        await stop.wait()               # the caller's; leaving the block drains within `drain_seconds`

A fault that the edge can't live with (the replies can't be read, or are more than 60 s behind) cancels the block and
comes out of it as an ExceptionGroup: the process should end and be started again.
"""

import asyncio
import socket
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass

from ws_edge.building import Built, EdgeParts, build
from ws_edge.draining import Drainable, drain
from ws_edge.readiness import Readiness
from ws_edge.server import EdgeServer, edge_server, listening_socket
from ws_edge.settings import EdgeSettings

ERRANDS_SECONDS = 5.0
"""For asks and stops under way when the edge goes: the broker has them by then, or will not."""


@dataclass(frozen=True, slots=True)
class RunningEdge:
    """An edge that serves. `ready` is set once it knows every turn in flight; `sessions` are the open ones, on
    websockets and as event streams."""

    address: str
    ready: asyncio.Event
    readiness: Readiness
    sessions: Collection[Drainable]


@asynccontextmanager
async def edge(
    settings: EdgeSettings, parts: EdgeParts, hurry: asyncio.Event | None = None
) -> AsyncIterator[RunningEdge]:
    """Runs an edge while the block runs. Its drain is a short one once `hurry` is set.

    Raises OSError when the port is taken.
    """
    with listening_socket(settings) as listener:
        built, address = build(settings, parts, _port(listener)), _address(settings, listener)
        server = edge_server(built.app, settings)
        stop = asyncio.Event()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(parts.source.run(built.take_reply, stop), name="reply-listener")
            tasks.create_task(built.sweeper.run(stop), name="sweeper")
            tasks.create_task(built.queue_teller.run(stop), name="queue-teller")
            tasks.create_task(server.serve(sockets=[listener]), name="server")
            await server.is_up.wait()
            yield RunningEdge(address, parts.source.ready, built.readiness, built.connected.sessions)
            await _wind_down(settings, built, server, hurry or asyncio.Event())
            stop.set()


async def _wind_down(settings: EdgeSettings, built: Built, server: EdgeServer, hurry: asyncio.Event) -> None:
    built.readiness.is_draining = True
    await drain(built.connected.sessions, built.connected.empty, settings.drain_seconds, hurry)
    server.should_exit = True
    await built.errands.finish(ERRANDS_SECONDS)
    await built.watcher.close()
    await built.lookup.close()
    await built.desk.close()


def _port(listener: socket.socket) -> int:
    port: int = listener.getsockname()[1]
    return port


def _address(settings: EdgeSettings, listener: socket.socket) -> str:
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    return f"http://{host}:{_port(listener)}"
