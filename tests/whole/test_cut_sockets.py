"""G3, G4, one edge: the socket is cut at random points, also before `accepted` and in the middle of a frame.

On the real stack, with 200 cuts, two edges and kills of edges: tests/connected/test_cut_sockets.py.
"""

import asyncio
from random import Random

import pytest

from samvad_client import backoff
from tests.cutting_proxy import CuttingProxy, cutting_proxy
from tests.whole.people import assert_seen_is_stored, person

pytestmark = pytest.mark.timeout(180)

PEOPLE = 4
CUTS = 16


async def test_whatever_is_cut_each_question_has_one_answer_and_it_was_shown_as_stored(
    edge: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backoff, "MAX_SECONDS", 0.2)
    async with cutting_proxy([edge], CUTS, Random(6), answer_bytes=3_000) as proxy:
        await asyncio.gather(*(_talk(edge, proxy, number) for number in range(PEOPLE)))
        assert proxy.cuts >= CUTS


async def _talk(edge: str, proxy: CuttingProxy, number: int) -> None:
    async with person(edge, f"in a bad network {number}", through=proxy.address) as someone:
        turns = [await someone.ask("at least one", "slow")]
        while not proxy.all_made.is_set():
            turns.append(await someone.ask(f"question {len(turns)}", "slow"))
        assert {str(turn.status) for turn in turns} == {"completed"}
        assert someone.observer.open_turns() == []
        await assert_seen_is_stored(someone, turns)
