"""The practice provider beside its answers: ordered scripts, refusals, the record of calls, the life of the server."""

import asyncio
import json
import time
from collections.abc import AsyncIterator

import aiohttp
import pytest

from infra.practice_provider import practice_provider, serve
from infra.practice_provider.calls import Ended
from tests.flow.practice_client import (
    MESSAGES,
    Client,
    closed_within_ms,
    connected_client,
    last_ended,
    until,
)


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    async with connected_client() as connected:
        yield connected


@pytest.mark.parametrize("model", ["practice-4x1-endless", "practice-4x1-stall2"])
async def test_no_call_outlives_the_bound(model: str) -> None:
    async with connected_client(longest_call_seconds=0.1) as bounded:
        with pytest.raises(aiohttp.ClientError):
            await bounded.events(model)
        assert (await last_ended(bounded.provider)).ended in (Ended.EXPIRED, Ended.STALLED)


async def test_a_script_orders_the_first_calls_and_then_the_own_name_counts(client: Client) -> None:
    order = {"model": "practice-8x0", "steps": ["practice-1x0-429", "practice-1x0-500", "practice-3x0"]}
    async with client.session.post(f"{client.root}/practice/script", json=order) as response:
        assert response.status == 200
    for status in (429, 500):
        async with client.ask("practice-8x0") as response:
            assert response.status == status
    assert [len((await client.events("practice-8x0"))[1:-2]) for _ in range(3)] == [3, 8, 8]


@pytest.mark.parametrize(
    ("order", "status"),
    [
        ({"model": "practice-8x0", "steps": ["nonsense"]}, 404),
        ({"model": "gpt-5", "steps": []}, 404),
        ({"model": "practice-8x0"}, 400),
    ],
)
async def test_a_script_that_cannot_be_followed_is_refused(
    client: Client, order: dict[str, object], status: int
) -> None:
    async with client.session.post(f"{client.root}/practice/script", json=order) as response:
        assert response.status == status
        assert "error" in await response.json()


async def test_an_unknown_model_is_openais_404(client: Client) -> None:
    async with client.ask("gpt-5") as response:
        error = (await response.json())["error"]
        assert (response.status, error["type"], error["code"]) == (404, "invalid_request_error", "model_not_found")
        assert "gpt-5" in error["message"]


async def test_bad_json_is_a_400(client: Client) -> None:
    async with client.session.post(f"{client.base_url}/chat/completions", data=b'{"model":') as response:
        assert response.status == 400
        assert (await response.json())["error"]["type"] == "invalid_request_error"


async def test_models_and_health_answer(client: Client) -> None:
    async with client.session.get(f"{client.base_url}/models") as response:
        names = [model["id"] for model in (await response.json())["data"]]
    assert "practice-64x20" in names
    async with client.session.get(f"{client.root}/healthz") as response:
        assert response.status == 200


async def test_calls_can_be_read_and_cleared_over_http(client: Client) -> None:
    before, before_ns = time.time(), time.monotonic_ns()
    events = await client.events("practice-2x0")
    await client.events("practice-3x0-truncate1")
    async with client.session.get(f"{client.root}/practice/calls") as response:
        first, second = (await response.json())["calls"]
    assert first["id"] == json.loads(events[0])["id"]
    assert (first["model"], first["script"], first["messages"]) == ("practice-2x0", "practice-2x0", MESSAGES)
    assert (first["ended"], first["tokens_sent"], first["stream"]) == ("completed", 2, True)
    assert before <= first["started_at"] <= first["closed_at"] <= time.time()
    assert before_ns <= first["started_at_ns"] <= first["first_token_at_ns"] <= first["closed_at_ns"]
    assert (second["ended"], second["tokens_sent"]) == ("truncated", 1)
    async with client.session.delete(f"{client.root}/practice/calls") as response:
        assert response.status == 204
    async with client.session.get(f"{client.root}/practice/calls") as response:
        assert await response.json() == {"calls": []}


async def test_stopping_the_provider_cuts_its_answers_at_once() -> None:
    async with aiohttp.ClientSession() as session:
        async with practice_provider() as running:
            asking = asyncio.create_task(Client(running, session).events("practice-2x60000"))
            await until(lambda: any(call.tokens_sent == 1 for call in running.calls.newest_last()))
            stopped_at_ns = time.monotonic_ns()
        with pytest.raises(aiohttp.ClientError):
            await asking
    call = await last_ended(running)
    assert call.ended is Ended.PROVIDER_STOPPED
    assert closed_within_ms(call, stopped_at_ns, 1000)


async def test_serve_says_where_it_listens_and_runs_until_cancelled(client: Client) -> None:
    address: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    serving = asyncio.create_task(serve(ready=address.set_result))
    base_url = await asyncio.wait_for(address, 5)
    assert base_url.startswith("http://127.0.0.1:")
    async with client.session.get(f"{base_url}/models") as response:
        assert response.status == 200
    serving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await serving
    with pytest.raises(aiohttp.ClientConnectionError):
        await client.session.get(f"{base_url}/models")
