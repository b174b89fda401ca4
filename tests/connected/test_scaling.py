"""Workers that come and go under load: nothing is cut, and work spreads (K1, G6)."""

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack

import pytest

from schemas.topics import REQUESTS
from tests.connected.crowd import talking_crowd
from tests.connected.practice_calls import ends_of_calls, forget_calls
from tests.connected.roles import Roles
from tests.contracts.deadlines import eventually
from tests.flow.admin_pages import Scrape, scraped
from tests.whole.processes import Program

pytestmark = [pytest.mark.connected, pytest.mark.timeout(300)]

PEOPLE = 24
MOST_WORKERS = 4


def _partitions(scrape: Scrape) -> set[str]:
    return {dict(labels)["partition"] for name, labels in scrape.samples if name == "samvad_consumer_lag_records"}


async def _until_spread(workers: Sequence[Program]) -> None:
    """Every partition has one owner, and every worker its share."""

    async def is_spread() -> bool:
        owned = [_partitions(await scraped(worker.said["admin"])) for worker in workers]
        shares = {len(partitions) for partitions in owned}
        return shares == {REQUESTS.partitions // len(workers)} and len(set.union(*owned)) == REQUESTS.partitions

    await eventually(is_spread, seconds=60)


async def test_workers_that_come_and_go_under_load_restart_no_answer(roles: Roles, provider_url: str) -> None:
    forget_calls(provider_url)
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
            assert ends_of_calls(provider_url) == {"completed": crowd.answered}
