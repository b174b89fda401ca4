"""One number to scale by: `samvad_open_turns`, summed over the workers, is what is queued plus what runs (DESIGN 6.2).

On a real broker, where partitions move while answers go on.
"""

import asyncio
from contextlib import AsyncExitStack
from typing import Any

import pytest

from samvad_client import TurnHandle
from tests.connected.roles import Roles
from tests.contracts.deadlines import eventually
from tests.flow.admin_pages import Scrape, page, scraped
from tests.whole.people import Person, person
from tests.whole.processes import Program

pytestmark = [pytest.mark.connected, pytest.mark.timeout(180)]

PEOPLE = 12
ROOM_OF_EACH = "2"


async def scrapes(workers: list[Program]) -> list[Scrape]:
    return [await scraped(worker.said["admin"]) for worker in workers]


async def total_becomes(workers: list[Program], expected: float) -> None:
    """Waits until the sum is this, and stays so for a while: partitions may still be on their way."""
    in_a_row, seen = 0, ""

    async def is_so() -> bool:
        nonlocal in_a_row, seen
        metrics = await scrapes(workers)
        seen = "; ".join(states_in(each) for each in metrics)
        in_a_row = in_a_row + 1 if sum(each("samvad_open_turns") for each in metrics) == expected else 0
        await asyncio.sleep(0.1)
        return in_a_row >= 20

    try:
        await eventually(is_so, seconds=40)
    except TimeoutError as error:
        raise AssertionError(f"not {expected}: {seen}") from error


def states_in(metrics: Scrape) -> str:
    states = ("unpolled", "waiting", "running", "held_elsewhere")
    return ", ".join(f"{state} {metrics('samvad_turns', state=state):g}" for state in states)


async def test_the_sum_over_workers_is_what_is_queued_plus_what_runs_also_while_partitions_move(roles: Roles) -> None:
    async with AsyncExitStack() as stack:
        enter: Any = stack.enter_context
        settings = {"SAMVAD_MAX_RUNNING": ROOM_OF_EACH}
        workers: list[Program] = [enter(roles.worker(**settings)) for _ in range(2)]
        edge = enter(roles.edge())
        await total_becomes(workers, 0)
        people = [await stack.enter_async_context(person(edge.said["edge"], f"waiting {n}")) for n in range(PEOPLE)]
        asked = [each.client.ask(each.conversation_id, "go on and on", "endless") for each in people]
        await total_becomes(workers, PEOPLE)
        workers.append(enter(roles.worker(**settings)))
        await total_becomes(workers, PEOPLE)
        workers.remove(leaving := workers[0])
        assert await asyncio.to_thread(leaving.end, 60) == 0
        await total_becomes(workers, PEOPLE)
        await stop_all(asked)
        await total_becomes(workers, 0)
        await assert_all_is_well(people, [edge, *workers])


async def stop_all(asked: list[TurnHandle]) -> None:
    async with asyncio.timeout(60):
        await asyncio.gather(*(handle.stop() for handle in asked))
        await asyncio.gather(*(handle.ended() for handle in asked))


async def assert_all_is_well(people: list[Person], programs: list[Program]) -> None:
    assert [violation for each in people for violation in each.observer.violations] == []
    for each in programs:
        assert (await page(each.said["admin"], "/healthz")).status == 200
        ready = await page(each.said["admin"], "/readyz")
        assert (ready.status, ready.body) == (200, {"status": "ready"})
