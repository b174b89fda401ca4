"""The practice provider's HTTP server: routes, and the server's life.

In: OpenAI's `POST /v1/chat/completions` and `GET /v1/models`; `GET /healthz`; for tests `POST /practice/script`
({"model", "steps"}), `GET /practice/calls` (`?after=7`: from number 8 on) and `DELETE /practice/calls`. Out: scripted
answers, and {"calls": [...]}, newest last.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import msgspec
from aiohttp import web

from infra.practice_provider.calls import Calls, Ended, Instant
from infra.practice_provider.completions import ChatCompletions
from infra.practice_provider.playbook import Playbook
from infra.practice_provider.refusals import bad_request, json_response, model_not_found
from infra.practice_provider.script import UnknownScript
from infra.practice_provider.wire import BadAsk, json_bytes, models_body, read_order

_MAX_BODY_BYTES = 16 * 1024 * 1024
# Running answers are cut, not waited for, when the server stops.
_SHUTDOWN_SECONDS = 0.05


class PracticeProvider(msgspec.Struct, frozen=True):
    """A running server. `base_url` ends in /v1, as OpenAI clients want it; `calls` is the live record."""

    base_url: str
    calls: Calls


class _Desk:
    """What tests read and order beside the API: the record of calls, and scripts for the next ones."""

    def __init__(self, playbook: Playbook, calls: Calls) -> None:
        self._playbook, self._calls = playbook, calls

    async def order_script(self, request: web.Request) -> web.Response:
        try:
            order = read_order(await request.read())
            self._playbook.order(order.model, order.steps)
        except BadAsk as error:
            return bad_request(str(error))
        except UnknownScript as error:
            return model_not_found(str(error))
        return json_response(json_bytes(order))

    async def list_calls(self, request: web.Request) -> web.Response:
        after = request.query.get("after", "0")
        if not after.isdecimal():
            return bad_request("`after` is the number of a call")
        return json_response(json_bytes({"calls": self._calls.newest_last(int(after))}))

    async def end_running_calls(self, app: web.Application) -> None:
        self._calls.end_running(Ended.PROVIDER_STOPPED, Instant.now())

    async def clear_calls(self, request: web.Request) -> web.Response:
        self._calls.clear()
        return web.Response(status=204)


@asynccontextmanager
async def practice_provider(
    host: str = "127.0.0.1", port: int = 0, *, longest_call_seconds: float = 600.0
) -> AsyncIterator[PracticeProvider]:
    """Serves while the context is open; port 0 takes a free one. Raises OSError when the port is taken."""
    calls = Calls()
    # handler_cancellation: a client that leaves cancels its call at once, also in a stall, not at the next write.
    runner = web.AppRunner(
        _new_app(calls, longest_call_seconds),
        access_log=None,
        handler_cancellation=True,
        shutdown_timeout=_SHUTDOWN_SECONDS,
    )
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port, backlog=1024).start()
        yield PracticeProvider(f"http://{host}:{runner.addresses[0][1]}/v1", calls)
    finally:
        await runner.cleanup()


async def serve(host: str = "127.0.0.1", port: int = 0, ready: Callable[[str], None] | None = None) -> None:
    """Serves until cancelled; `ready` gets the base URL once connections are accepted."""
    async with practice_provider(host, port) as provider:
        if ready is not None:
            ready(provider.base_url)
        await asyncio.get_running_loop().create_future()


def _new_app(calls: Calls, longest_call_seconds: float) -> web.Application:
    playbook = Playbook()
    completions = ChatCompletions(playbook, calls, longest_call_seconds)
    desk = _Desk(playbook, calls)
    app = web.Application(client_max_size=_MAX_BODY_BYTES)
    app.on_shutdown.append(desk.end_running_calls)
    app.router.add_post("/v1/chat/completions", completions.handle)
    app.router.add_get("/v1/models", _list_models)
    app.router.add_get("/healthz", _report_health)
    app.router.add_post("/practice/script", desk.order_script)
    app.router.add_get("/practice/calls", desk.list_calls)
    app.router.add_delete("/practice/calls", desk.clear_calls)
    return app


async def _list_models(request: web.Request) -> web.Response:
    return json_response(models_body())


async def _report_health(request: web.Request) -> web.Response:
    return json_response(b'{"status":"ok"}')
