"""A model's server that tells in its errors whatever it was told: the question, the key, the headers. Some do.

In: a model named `talkative-400`, `talkative-500` and so on, `talkative-stream` (breaks off in the middle of an answer
that repeats the question) or `talkative-nonsense`. Out: an OpenAI-compatible server's answer of that kind.
"""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web


async def _complete(request: web.Request) -> web.StreamResponse:
    told = f"{request.headers.get('authorization')} said {await request.text()}"
    kind = json.loads(await request.text())["model"].removeprefix("talkative-")
    if kind == "stream":
        return await _break_off(request, told)
    if kind == "nonsense":
        return web.Response(text=told, content_type="text/html")
    error = {"error": {"message": told, "type": told[:80], "code": "context", "param": told}}
    return web.json_response(error, status=int(kind), headers={"x-told": told[:40].replace("\n", " ")})


async def _break_off(request: web.Request, told: str) -> web.StreamResponse:
    response = web.StreamResponse(headers={"content-type": "text/event-stream"})
    await response.prepare(request)
    delta = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "talkative", "choices": []}
    choice = {"index": 0, "delta": {"role": "assistant", "content": told}, "finish_reason": None}
    await response.write(f"data: {json.dumps(delta | {'choices': [choice]})}\n\ndata: {{{told}\n\n".encode())
    await response.write_eof()
    return response


@asynccontextmanager
async def talkative_provider() -> AsyncIterator[str]:
    """Its base URL, while the block runs."""
    app = web.Application()
    app.add_routes([web.post("/v1/chat/completions", _complete)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    finally:
        await runner.cleanup()
