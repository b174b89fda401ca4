"""Workers that come and go under load: nothing is cut, work spreads, and one gauge says how much there is (K1, G6)."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path

import httpx
import pytest

from schemas.topics import REQUESTS
from tests.connected.crowd import talking_crowd
from tests.connected.roles import Roles
from tests.contracts.deadlines import eventually
from tests.flow.admin_pages import Scrape, page_now, scraped
from tests.whole.people import person
from tests.whole.processes import Program, models_file

pytestmark = [pytest.mark.connected, pytest.mark.timeout(300)]

PEOPLE = 24
MOST_WORKERS = 4
MAX_RUNNING = 6
SAMPLES = 10


def _partitions(scrape: Scrape) -> set[str]:
    return {dict(labels)["partition"] for name, labels in scrape.samples if name == "samvad_consumer_lag_records"}


async def _open_turns(workers: Sequence[Program]) -> float:
    scrapes = await asyncio.gather(*(scraped(worker.said["admin"]) for worker in workers))
    return sum(scrape("samvad_open_turns") for scrape in scrapes)


async def _until_spread(workers: Sequence[Program]) -> None:
    """Every partition has one owner, and every worker its share."""

    async def is_spread() -> bool:
        owned = [_partitions(await scraped(worker.said["admin"])) for worker in workers]
        shares = {len(partitions) for partitions in owned}
        return shares == {REQUESTS.partitions // len(workers)} and len(set.union(*owned)) == REQUESTS.partitions

    await eventually(is_spread, seconds=60)


def _forget_calls(provider_url: str) -> None:
    httpx.delete(provider_url.removesuffix("/v1") + "/practice/calls", trust_env=False).raise_for_status()


def _calls(provider_url: str) -> Counter[str]:
    """How the provider's calls ended."""
    found = page_now(provider_url.removesuffix("/v1"), "/practice/calls").body["calls"]
    return Counter(str(call["ended"]) for call in found)


async def test_workers_that_come_and_go_under_load_restart_no_answer(roles: Roles, provider_url: str) -> None:
    _forget_calls(provider_url)
    with roles.edge() as first, roles.edge() as second:
        async with AsyncExitStack() as stack:
            workers = [stack.enter_context(roles.worker())]
            async with talking_crowd([first.said["edge"], second.said["edge"]], PEOPLE, "slow") as crowd:
                await crowd.until_answered(PEOPLE)
                while len(workers) < MOST_WORKERS:
                    workers.append(await asyncio.to_thread(stack.enter_context, roles.worker()))
                await _until_spread(workers)
                await crowd.until_answered(PEOPLE)
                while len(workers) > 1:
                    assert await asyncio.to_thread(workers.pop().end, 40) == 0
                await _until_spread(workers)
                await crowd.until_answered(PEOPLE)
            # A claim that moves before its model was asked costs nothing; an answer that began is never begun again.
            assert _calls(provider_url) == {"completed": crowd.answered}


async def test_the_gauge_to_scale_by_counts_every_open_turn_once_also_after_partitions_moved(
    roles: Roles, provider_url: str, tmp_path: Path
) -> None:
    roles.models = models_file(tmp_path, provider_url, unhurried=["practice-2000x300"])
    with roles.edge() as edge, roles.worker(SAMVAD_MAX_RUNNING=str(MAX_RUNNING)) as one:
        async with AsyncExitStack() as stack:
            people = [await stack.enter_async_context(person(edge.said["edge"], f"p{n}")) for n in range(PEOPLE)]
            asked = [someone.client.ask(someone.conversation_id, "go on", "unhurried") for someone in people]
            await eventually(lambda: _is_steadily([one], PEOPLE), seconds=30)
            second = roles.worker(SAMVAD_MAX_RUNNING=str(MAX_RUNNING))
            other = await asyncio.to_thread(stack.enter_context, second)
            await _until_spread([one, other])
            await eventually(lambda: _runs_some(other), seconds=30)
            await eventually(lambda: _is_steadily([one, other], PEOPLE), seconds=30)
            assert await _running(one) == MAX_RUNNING, "what streamed goes on where it was"
            for turn in asked:
                await turn.stop()
            ended = await asyncio.gather(*(turn.ended() for turn in asked))
            assert {str(turn.status) for turn in ended} == {"stopped"}
            assert {turn.attempt for turn in ended} == {1}
            await eventually(lambda: _is_steadily([one, other], 0), seconds=30)


async def _is_steadily(workers: Sequence[Program], count: int) -> bool:
    return [await _open_turns(workers) for _ in range(SAMPLES)] == [count] * SAMPLES


async def _running(worker: Program) -> float:
    return (await scraped(worker.said["admin"]))("samvad_turns", state="running")


async def _runs_some(worker: Program) -> bool:
    return await _running(worker) > 0
