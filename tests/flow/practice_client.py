"""A client of the practice provider for its tests: asks, reads events, waits for a call's record.

In: a model name. Out: the events of the stream, without their `data: `.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

from infra.practice_provider import PracticeProvider, practice_provider
from infra.practice_provider.calls import Call

MESSAGES = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": 'What is "Samvad"? 語'}]
DONE = "[DONE]"


class Client:
    """Asks the provider and reads its events."""

    def __init__(self, provider: PracticeProvider, session: aiohttp.ClientSession) -> None:
        self.provider = provider
        self.root = provider.base_url.removesuffix("/v1")
        self.base_url, self.session = provider.base_url, session

    def ask(self, model: str, **fields: Any) -> Any:
        body = {"model": model, "messages": MESSAGES, "stream": True} | fields
        return self.session.post(f"{self.base_url}/chat/completions", json=body)

    async def events(self, model: str, **fields: Any) -> list[str]:
        async with self.ask(model, **fields) as response:
            assert response.status == 200
            return [event async for event in read_events(response)]

    async def text(self, model: str, **fields: Any) -> str:
        return "".join(token(event) for event in (await self.events(model, **fields))[:-1])


@asynccontextmanager
async def connected_client(longest_call_seconds: float = 600.0) -> AsyncIterator[Client]:
    """A client of a provider of its own."""
    async with (
        practice_provider(longest_call_seconds=longest_call_seconds) as provider,
        aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10)) as session,
    ):
        yield Client(provider, session)


async def read_events(response: aiohttp.ClientResponse) -> AsyncIterator[str]:
    async for line in response.content:
        if line.startswith(b"data: "):
            yield line.removeprefix(b"data: ").decode().rstrip("\n")


def token(event: str) -> str:
    choices = json.loads(event)["choices"]
    return str(choices[0]["delta"].get("content", "")) if choices else ""


async def read_tokens(response: aiohttp.ClientResponse, count: int) -> list[str]:
    tokens: list[str] = []
    async for event in read_events(response):
        if token(event):
            tokens.append(token(event))
        if len(tokens) == count:
            break
    return tokens


async def until(condition: Callable[[], bool]) -> None:
    for _ in range(2_500):
        if condition():
            return
        await asyncio.sleep(0.002)
    raise TimeoutError("the condition did not come true within about 5 seconds")


async def last_ended(provider: PracticeProvider) -> Call:
    """The newest call once it ended."""
    await until(lambda: bool(provider.calls.newest_last()) and provider.calls.newest_last()[-1].ended is not None)
    return provider.calls.newest_last()[-1]


def closed_within_ms(call: Call, left_at_ns: int, limit_ms: int) -> bool:
    assert call.closed_at_ns is not None
    return 0 <= call.closed_at_ns - left_at_ns < limit_ms * 1_000_000
