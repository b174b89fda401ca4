"""G8: a stop closes the provider's connection, and the kept text is what was shown. How fast: `make bench`."""

import asyncio
from typing import Any

import httpx
import pytest

from tests.sizes import size
from tests.whole.people import Person, assert_seen_is_stored, person

STOPS = size(50, full=100)
AT_ONCE = 10


async def _ask_and_stop(someone: Person, question: str) -> Any:
    handle = someone.client.ask(someone.conversation_id, question, "endless")
    async for view in handle:
        if len(view.answer.split()) > 2:
            break
    await handle.stop()
    return await handle.ended()


async def _stop_again_and_again(edge: str, number: int) -> None:
    async with person(edge, f"stopper {number}") as someone:
        turns = [await _ask_and_stop(someone, f"stop {number}/{n}") for n in range(STOPS // AT_ONCE)]
        assert {str(turn.status) for turn in turns} == {"stopped"}
        await assert_seen_is_stored(someone, turns)


@pytest.mark.timeout(120)
async def test_stops_each_close_the_provider_and_keep_what_was_shown(edge: str, provider_url: str) -> None:
    calls_url = provider_url.removesuffix("/v1") + "/practice/calls"
    await asyncio.gather(*(_stop_again_and_again(edge, number) for number in range(AT_ONCE)))
    async with httpx.AsyncClient(trust_env=False) as http:
        calls = (await http.get(calls_url)).json()["calls"]
    stopped = [call for call in calls if call["messages"][-1]["content"].startswith("stop ")]
    assert len(stopped) == STOPS
    assert {call["ended"] for call in stopped} == {"client_closed"}
