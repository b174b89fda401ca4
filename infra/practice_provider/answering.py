"""One call's answer over aiohttp: does each step of the script when it is due.

In: the steps, and the stage (a stream of events or one body) on which they appear.
Out: the bytes on the connection, and how the call ended in its record.
"""

import asyncio
import socket
import struct
import time
from collections.abc import Iterable
from typing import Protocol

from aiohttp import web

from infra.practice_provider.calls import Call, Ended, Instant
from infra.practice_provider.refusals import json_response
from infra.practice_provider.script import Act, Step
from infra.practice_provider.wire import DONE, Answered, Chunks, completion_body, usage

_NO_LINGER = struct.pack("ii", 1, 0)
_SSE_HEADERS = {"Content-Type": "text/event-stream; charset=utf-8", "Cache-Control": "no-cache"}


class Stage(Protocol):
    """Where an answer appears. `response` is what the handler returns to aiohttp when the steps are done."""

    response: web.StreamResponse

    async def open(self, request: web.Request) -> None: ...
    async def think(self, token: str) -> None: ...
    async def say(self, token: str) -> None: ...
    async def garble(self, token: str) -> None: ...
    async def finish(self) -> None: ...
    async def truncate(self) -> None: ...


async def perform(steps: Iterable[Step], stage: Stage, call: Call, request: web.Request) -> Ended:
    """Due times are absolute, from the beginning, so that gaps do not drift.

    Raises CancelledError or ConnectionError when the client leaves.
    """
    loop = asyncio.get_running_loop()
    began = loop.time()
    for step in steps:
        await asyncio.sleep(max(0.0, began + step.at_ms / 1000 - loop.time()))
        if step.act in (Act.SAY, Act.THINK):
            await (stage.say if step.act is Act.SAY else stage.think)(step.text)
            call.token_sent(time.monotonic_ns())
        elif step.act is Act.GARBAGE:
            await stage.garble(step.text)
        else:
            return await _end(step.act, stage, call, request)
    raise AssertionError("a script's last step ends the answer")


async def _end(act: Act, stage: Stage, call: Call, request: web.Request) -> Ended:
    if act is Act.FINISH:
        await stage.finish()
        return Ended.COMPLETED
    if act is Act.TRUNCATE:
        await stage.truncate()
        return Ended.TRUNCATED
    if act is Act.STALL:
        await _stay_silent(call)
    reset_connection(request)
    return Ended.RESET


async def _stay_silent(call: Call) -> None:
    try:
        await asyncio.get_running_loop().create_future()
    finally:
        call.end(Ended.STALLED, Instant.now())


def reset_connection(request: web.Request) -> None:
    """Closes with a TCP RST: zero linger makes close() throw away what is queued, instead of a FIN."""
    transport = request.transport
    if transport is not None:
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
        transport.abort()


class StreamedAnswer:
    """A stage of server-sent events; the role event travels with the first other one."""

    def __init__(
        self, answered: Answered, call: Call, prompt_tokens: int, headers: dict[str, str], *, include_usage: bool
    ) -> None:
        self.response: web.StreamResponse = web.StreamResponse(headers=_SSE_HEADERS | headers)
        self._chunks = Chunks(answered)
        self._call, self._prompt_tokens, self._include_usage = call, prompt_tokens, include_usage
        self._unsent = self._chunks.role()

    async def open(self, request: web.Request) -> None:
        """Sends the headers now, as vLLM does: a client must not take them for the first token."""
        await self.response.prepare(request)

    async def think(self, token: str) -> None:
        await self._write(self._chunks.thought(token))

    async def say(self, token: str) -> None:
        await self._write(self._chunks.token(token))

    async def garble(self, token: str) -> None:
        await self._write(self._chunks.broken(token))

    async def finish(self) -> None:
        events = self._chunks.finish("stop")
        if self._include_usage:
            events += self._chunks.usage(usage(self._prompt_tokens, self._call.tokens_sent))
        await self._write(events + DONE)
        await self.response.write_eof()

    async def truncate(self) -> None:
        await self.response.write_eof()

    async def _write(self, event: bytes) -> None:
        unsent, self._unsent = self._unsent, b""
        await self.response.write(unsent + event)


class WholeAnswer:
    """A stage that shows everything at once, at the end."""

    def __init__(self, answered: Answered, call: Call, prompt_tokens: int, headers: dict[str, str]) -> None:
        self.response: web.StreamResponse = web.Response()
        self._headers = headers
        self._answered, self._call, self._prompt_tokens = answered, call, prompt_tokens
        self._said: list[str] = []
        self._garbled = False

    async def open(self, request: web.Request) -> None:
        """Nothing is sent before the end."""

    async def think(self, token: str) -> None:
        """What is thought is not shown."""

    async def say(self, token: str) -> None:
        self._said.append(token)

    async def garble(self, token: str) -> None:
        self._garbled = True

    async def finish(self) -> None:
        body = self._body("stop")
        self.response = json_response(body[:-1] if self._garbled else body, headers=self._headers)

    async def truncate(self) -> None:
        self.response = json_response(self._body(None), headers=self._headers)

    def _body(self, finish_reason: str | None) -> bytes:
        counts = usage(self._prompt_tokens, self._call.tokens_sent)
        return completion_body(self._answered, "".join(self._said), counts, finish_reason=finish_reason)
