"""Servers of this machine are asked directly, whatever proxy the environment names."""

import asyncio
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from infra.jaeger_query import JaegerUnavailable, raw_trace, trace_in_jaeger
from infra.stack.plan import Kind, ServerPlan
from infra.stack.readiness import answers
from tests.whole.processes import free_port


@pytest.fixture(autouse=True)
def unreachable_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """For everything, and for loopback too."""
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{free_port()}")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.setattr(urllib.request, "_opener", None)  # urlopen's, which keeps the proxies of its first use


@asynccontextmanager
async def _jaeger(answer: bytes) -> AsyncIterator[int]:
    """The port of what gives this answer about services, and about any trace but `unknown`."""

    async def say(request: web.Request) -> web.Response:
        return web.Response(body=answer, status=404 if request.path.endswith("unknown") else 200)

    app = web.Application()
    app.router.add_get("/api/{_:.*}", say)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


async def test_a_stack_sees_its_jaeger_ready_past_a_proxy() -> None:
    async with _jaeger(b"{}") as port:
        plan = ServerPlan("jaeger", Kind.JAEGER, "127.0.0.1", port, (), ("jaeger",))
        assert await asyncio.to_thread(answers, plan, None)


async def test_a_trace_is_fetched_past_a_proxy() -> None:
    async with _jaeger(b'{"data": []}') as port:
        address = f"http://127.0.0.1:{port}"
        assert await asyncio.to_thread(raw_trace, address, "1") == b'{"data": []}'
        assert await asyncio.to_thread(trace_in_jaeger, address, "1") == []
        assert await asyncio.to_thread(trace_in_jaeger, address, "unknown") == []


async def test_what_is_no_jaeger_is_said_to_be_none() -> None:
    async with _jaeger(b"<html>") as port:
        with pytest.raises(JaegerUnavailable, match="name its query API"):
            await asyncio.to_thread(trace_in_jaeger, f"http://127.0.0.1:{port}", "1")
    for address in (f"http://127.0.0.1:{free_port()}", "no address"):
        with pytest.raises(JaegerUnavailable, match="name its query API"):
            trace_in_jaeger(address, "1")
