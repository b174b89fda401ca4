"""G3 under load: what every client saw is what is stored, with no gap, no repeat and no reorder."""

import asyncio

import pytest

from tests.sizes import size
from tests.whole.people import assert_seen_is_stored, person

CONVERSATIONS = size(80, full=200)
TURNS = 3


async def _talk(edge: str, number: int) -> int:
    async with person(edge, f"person {number}") as someone:
        turns = [await someone.ask(f"question {turn}") for turn in range(TURNS)]
        await assert_seen_is_stored(someone, turns)
        assert all(str(turn.status) == "completed" for turn in turns)
        return len({turn.answer for turn in turns})


@pytest.mark.timeout(120)
async def test_people_who_talk_at_once_each_see_exactly_what_is_stored(edge: str) -> None:
    different_answers = await asyncio.gather(*(_talk(edge, number) for number in range(CONVERSATIONS)))
    assert different_answers == [TURNS] * CONVERSATIONS
