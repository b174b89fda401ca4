"""The practice provider over real HTTP on loopback: each script once, and LiteLLM as a client."""

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator
from itertools import islice

import pytest

from infra.practice_provider import PracticeProvider
from infra.practice_provider.calls import Ended
from infra.practice_provider.words import answer_tokens
from tests.flow.practice_client import (
    DONE,
    MESSAGES,
    Client,
    closed_within_ms,
    connected_client,
    last_ended,
    read_events,
    read_tokens,
    token,
    until,
)


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    async with connected_client() as connected:
        yield connected


@pytest.fixture
def provider(client: Client) -> PracticeProvider:
    return client.provider


async def test_a_stream_is_role_then_tokens_then_finish_then_usage_then_done(client: Client) -> None:
    events = await client.events("practice-8x1", stream_options={"include_usage": True})
    assert events[-1] == DONE
    chunks = [json.loads(event) for event in events[:-1]]
    deltas = [chunk["choices"][0]["delta"] for chunk in chunks[:-1]]
    assert deltas[0] == {"role": "assistant", "content": ""}
    assert [set(delta) for delta in deltas[1:9]] == [{"content"}] * 8
    assert (deltas[9], chunks[9]["choices"][0]["finish_reason"]) == ({}, "stop")
    assert chunks[10]["choices"] == []
    assert chunks[10]["usage"] == {"prompt_tokens": 6, "completion_tokens": 8, "total_tokens": 14}
    assert {(chunk["object"], chunk["model"]) for chunk in chunks} == {("chat.completion.chunk", "practice-8x1")}
    assert len(chunks) == 11


@pytest.mark.parametrize("said", [1, 4, 9])
async def test_a_conversation_that_ends_with_the_beginning_of_an_answer_is_gone_on_with_right_after_it(
    client: Client, said: int
) -> None:
    whole = "".join(islice(answer_tokens(7), 9))
    beginning = "".join(islice(answer_tokens(7), said))
    unfinished = [*MESSAGES, {"role": "assistant", "content": beginning}]
    assert beginning + await client.text("practice-9x0", messages=unfinished) == whole
    assert (await last_ended(client.provider)).tokens_sent == 9 - said


async def test_usage_is_sent_only_when_asked_for(client: Client) -> None:
    assert not any("usage" in event for event in await client.events("practice-2x0"))


async def test_every_answer_differs_but_a_seed_repeats_one(client: Client) -> None:
    assert await client.text("practice-9x0") != await client.text("practice-9x0")
    assert await client.text("practice-9x0", seed=0) == await client.text("practice-9x0", seed=0)


async def test_no_token_comes_early_and_gaps_do_not_add_up_their_delays(client: Client) -> None:
    asked_at = time.monotonic()
    async with client.ask("practice-20x20") as response:
        came_at = [
            time.monotonic() - asked_at async for event in read_events(response) if event != DONE and token(event)
        ]
    # uvloop and epoll round to a millisecond.
    assert all(seconds >= index * 0.02 - 0.002 for index, seconds in enumerate(came_at))
    assert came_at[-1] < 19 * 0.02 + 1.0


async def test_the_first_token_takes_its_time_but_the_headers_do_not(
    client: Client, provider: PracticeProvider
) -> None:
    asked_at = time.monotonic()
    async with client.ask("practice-1x0-ttft300") as response:
        assert provider.calls.newest_last()[-1].first_token_at_ns is None
        assert await read_tokens(response, 1)
    assert time.monotonic() - asked_at >= 0.298


@pytest.mark.parametrize(("status", "code"), [(429, "rate_limit_exceeded"), (500, None)])
async def test_a_refusal_has_its_status_and_openais_error_shape(
    client: Client, provider: PracticeProvider, status: int, code: str | None
) -> None:
    async with client.ask(f"practice-8x5-{status}") as response:
        error = (await response.json())["error"]
        assert (response.status, error["code"]) == (status, code)
        assert error["message"]
        assert ("Retry-After" in response.headers) == (status == 429)
    assert (await last_ended(provider)).ended is Ended.REFUSED


async def test_a_model_with_a_rate_refuses_what_is_above_it_and_tells_its_limits(
    client: Client, provider: PracticeProvider
) -> None:
    model = "practice-2x0-rate2"
    async with client.ask(model) as first, client.ask(model) as second, client.ask(model) as third:
        assert [first.status, second.status, third.status] == [200, 200, 429]
        assert first.headers["x-ratelimit-remaining-requests"] == "1"
        assert third.headers["Retry-After"] == "1"
        assert (await third.json())["error"]["code"] == "rate_limit_exceeded"
    assert (await last_ended(provider)).ended is Ended.REFUSED


async def raw_answer(provider: PracticeProvider, model: str) -> bytes:
    """The bytes of one answer up to the connection's end, which must be a reset and not a FIN."""
    host, port = provider.base_url.removeprefix("http://").removesuffix("/v1").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    body = json.dumps({"model": model, "messages": MESSAGES, "stream": True}).encode()
    writer.write(b"POST /v1/chat/completions HTTP/1.1\r\nHost: practice\r\nContent-Length: %d\r\n\r\n" % len(body))
    writer.write(body)
    received = bytearray()
    with pytest.raises(ConnectionResetError):
        while data := await reader.read(65536):
            received += data
    writer.close()
    with contextlib.suppress(ConnectionResetError):
        await writer.wait_closed()
    return bytes(received)


@pytest.mark.parametrize("stream", [True, False])
async def test_reset0_resets_the_connection_before_any_byte(provider: PracticeProvider, stream: bool) -> None:
    assert await raw_answer(provider, "practice-16x1-reset0") == b""
    assert (await last_ended(provider)).ended is Ended.RESET


async def test_reset8_resets_the_connection_after_eight_tokens(provider: PracticeProvider) -> None:
    answer = await raw_answer(provider, "practice-16x1-reset8")
    assert answer.count(b"data: ") == 9
    assert b'"finish_reason":"stop"' not in answer
    call = await last_ended(provider)
    assert (call.ended, call.tokens_sent) == (Ended.RESET, 8)


async def test_stall8_is_silent_after_eight_tokens_until_the_client_leaves(
    client: Client, provider: PracticeProvider
) -> None:
    async with client.ask("practice-16x1-stall8") as response:
        assert len(await read_tokens(response, 8)) == 8
        assert await response.content.readline() == b"\n"
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(response.content.readline(), 0.1)
        assert provider.calls.newest_last()[-1].ended is None
        left_at_ns = time.monotonic_ns()
    call = await last_ended(provider)
    assert (call.ended, call.tokens_sent) == (Ended.STALLED, 8)
    assert closed_within_ms(call, left_at_ns, 300)


async def test_truncate8_ends_the_stream_cleanly_without_finish_and_done(
    client: Client, provider: PracticeProvider
) -> None:
    events = await client.events("practice-16x1-truncate8", stream_options={"include_usage": True})
    assert len([event for event in events if token(event)]) == 8
    assert len(events) == 9
    assert "stop" not in events[-1]
    assert (await last_ended(provider)).ended is Ended.TRUNCATED


async def test_garbage8_breaks_one_line_and_goes_on(client: Client, provider: PracticeProvider) -> None:
    events = await client.events("practice-16x1-garbage8", stream_options={"include_usage": True})
    with pytest.raises(json.JSONDecodeError):
        json.loads(events[9])
    assert [bool(token(event)) for event in events[10:17]] == [True] * 7
    assert json.loads(events[-2])["usage"]["completion_tokens"] == 15
    call = await last_ended(provider)
    assert (call.ended, call.tokens_sent) == (Ended.COMPLETED, 15)


async def test_endless_goes_on_until_the_client_leaves(client: Client, provider: PracticeProvider) -> None:
    async with client.ask("practice-4x1-endless") as response:
        assert len(await read_tokens(response, 50)) == 50
        left_at_ns = time.monotonic_ns()
    call = await last_ended(provider)
    assert call.ended is Ended.CLIENT_CLOSED
    assert call.tokens_sent >= 50
    assert closed_within_ms(call, left_at_ns, 300)


@pytest.mark.parametrize("stream", [True, False])
async def test_a_client_that_leaves_in_a_long_gap_is_noticed_at_once(
    client: Client, provider: PracticeProvider, stream: bool
) -> None:
    asking = asyncio.create_task(client.events("practice-2x60000", stream=stream))
    await until(lambda: any(call.tokens_sent == 1 for call in provider.calls.newest_last()))
    left_at_ns = time.monotonic_ns()
    asking.cancel()
    call = await last_ended(provider)
    assert call.ended is Ended.CLIENT_CLOSED
    assert closed_within_ms(call, left_at_ns, 300)


async def test_a_client_that_does_not_read_delays_nobody(client: Client) -> None:
    async with client.ask("practice-4x0-endless"), asyncio.timeout(3):
        assert await client.text("practice-64x1")


async def test_an_empty_answer_is_a_finish_with_no_token(client: Client) -> None:
    events = await client.events("practice-64x20-empty", stream_options={"include_usage": True})
    assert [token(event) for event in events[:-1]] == ["", "", ""]
    assert json.loads(events[1])["choices"][0]["finish_reason"] == "stop"
    assert json.loads(events[2])["usage"]["completion_tokens"] == 0


async def test_echo_answers_with_the_conversation_it_was_given(client: Client) -> None:
    events = await client.events("practice-5x0-echo")
    tokens = [token(event) for event in events[:-1] if token(event)]
    assert json.loads("".join(tokens)) == MESSAGES
    assert len(tokens) == 5


async def test_without_stream_the_answer_is_one_body(client: Client, provider: PracticeProvider) -> None:
    async with client.ask("practice-8x1", stream=False, seed=3) as response:
        body = await response.json()
    assert body["object"] == "chat.completion"
    assert body["choices"][0]["finish_reason"] == "stop"
    assert body["choices"][0]["message"]["content"] == await client.text("practice-8x1", seed=3)
    assert body["usage"] == {"prompt_tokens": 6, "completion_tokens": 8, "total_tokens": 14}
    assert [call.ended for call in provider.calls.newest_last()] == [Ended.COMPLETED] * 2


async def test_without_stream_a_truncated_answer_has_no_finish_reason(client: Client) -> None:
    async with client.ask("practice-16x0-truncate8", stream=False) as response:
        body = await response.json()
    assert body["choices"][0]["finish_reason"] is None
    assert body["usage"]["completion_tokens"] == 8


async def test_without_stream_garbage_is_a_body_that_is_no_json(client: Client) -> None:
    async with client.ask("practice-16x0-garbage8", stream=False) as response:
        with pytest.raises(json.JSONDecodeError):
            json.loads(await response.read())


async def test_litellm_reads_the_stream_and_its_usage(
    provider: PracticeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    # L2: otherwise the import fetches a price list over the network.
    monkeypatch.setenv("LITELLM_LOCAL_MODEL_COST_MAP", "True")
    import litellm

    stream = await litellm.acompletion(
        model="hosted_vllm/practice-8x1",
        api_base=provider.base_url,
        api_key="none",
        messages=MESSAGES,
        stream=True,
        stream_options={"include_usage": True},
        seed=7,
    )
    chunks = [chunk async for chunk in stream]
    text = "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices)
    assert text.startswith("Answer 7:")
    assert "stop" in [choice.finish_reason for chunk in chunks for choice in chunk.choices]
    counts = [chunk.usage for chunk in chunks if getattr(chunk, "usage", None)]
    assert [(usage.prompt_tokens, usage.completion_tokens) for usage in counts] == [(6, 8)]
