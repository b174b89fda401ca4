"""The same questions put to the provider itself: server-sent events read by aiohttp, and nothing else.

In: the provider's address, a model. Out: `Answer`s, as light as a client can be: what Samvad adds is added to this.
Beside it the provider's own record of its calls, which is where a call began and was closed.
"""

import json
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import aiohttp
import msgspec

from benchmarks.answers import Answer, AnswerBroke

_HAS_TEXT = b'"content":"'
_HAS_NO_TEXT = b'"content":""'
_DONE = b"data: [DONE]"


class ProviderCall(msgspec.Struct):
    """A call as the provider saw it; monotonic nanoseconds."""

    messages: list[dict[str, str]]
    started_at_ns: int
    tokens_sent: int
    first_token_at_ns: int | None = None
    closed_at_ns: int | None = None


class _Calls(msgspec.Struct):
    calls: list[ProviderCall]


@dataclass(frozen=True, slots=True)
class Provider:
    """The practice provider, asked without Samvad. `url` ends in `/v1`."""

    http: aiohttp.ClientSession
    url: str

    async def ask(self, model: str) -> Answer:
        """Asks and reads to the end."""
        marker = uuid.uuid4().hex
        messages = [{"role": "user", "content": f"Say something about {marker}."}]
        body = {"model": model, "messages": messages, "stream": True, "stream_options": {"include_usage": True}}
        answer = Answer(marker, time.monotonic_ns())
        async with self.http.post(f"{self.url}/chat/completions", data=json.dumps(body)) as response:
            await _read(response.content, answer)
        return answer

    async def calls(self) -> dict[str, ProviderCall]:
        """The provider's record by the marker in the question: the last word but its full stop."""
        async with self.http.get(f"{self.url.removesuffix('/v1')}/practice/calls") as response:
            recorded = msgspec.json.decode(await response.read(), type=_Calls).calls
        return {call.messages[-1]["content"].split()[-1].rstrip("."): call for call in recorded}


@asynccontextmanager
async def provider_at(url: str) -> AsyncIterator[Provider]:
    """With connections kept open between calls, as LiteLLM does."""
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector, headers={"Content-Type": "application/json"}) as http:
        yield Provider(http, url)


async def _read(content: aiohttp.StreamReader, answer: Answer) -> None:
    rest, is_done = b"", False
    async for data in content.iter_any():
        now_ns = time.monotonic_ns()
        *events, rest = (rest + data).split(b"\n\n")
        chunks = sum(_HAS_TEXT in event and _HAS_NO_TEXT not in event for event in events)
        answer.shown_ns.extend([now_ns] * chunks)
        is_done = is_done or _DONE in events
    if not is_done or not answer.shown_ns:
        raise AnswerBroke("the provider's stream broke off")
