"""All that leaves a server for operators: its log, its traces, its metrics and health, its command line.

In: a running server's ports and log, and a collector that takes its traces. Out: bytes to search.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psutil
from aiohttp import web


@dataclass
class Collector:
    """Takes OTLP over HTTP; strings are in it as they are."""

    endpoint: str = ""
    taken: list[bytes] = field(default_factory=list)

    async def take(self, request: web.Request) -> web.Response:
        self.taken.append(await request.read())
        return web.Response(content_type="application/x-protobuf")


@asynccontextmanager
async def collector() -> AsyncIterator[Collector]:
    """A collector on loopback."""
    running = Collector()
    app = web.Application(client_max_size=64 * 1024 * 1024)
    app.add_routes([web.post("/v1/traces", running.take)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    running.endpoint = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield running
    finally:
        await runner.cleanup()


async def pages(admin_port: int, edge: str) -> dict[str, bytes]:
    """Metrics and health, of the admin port and of the main one, and the API's description."""
    admin = f"http://127.0.0.1:{admin_port}"
    there = [f"{admin}/metrics", f"{admin}/healthz", f"{admin}/readyz", f"{edge}/healthz", f"{edge}/readyz"]
    async with httpx.AsyncClient(trust_env=False, timeout=30) as http:
        got = await asyncio.gather(*(http.get(page) for page in [*there, f"{edge}/openapi.json"]))
    return {str(response.url): response.content for response in got}


def command_lines(pid: int) -> bytes:
    """Of the process and all that it started."""
    process = psutil.Process(pid)
    return "\n".join(" ".join(one.cmdline()) for one in [process, *process.children(recursive=True)]).encode()


def log_of(folder: Path) -> bytes:
    return (folder / "server.log").read_bytes()
