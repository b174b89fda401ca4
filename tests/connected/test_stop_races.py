"""Stops that race with starts, ends and a worker's death, on several workers and from another device (G8)."""

import asyncio
import random
from collections.abc import Sequence
from pathlib import Path

import pytest

from benchmarks.stop_races import QUIET_SECONDS, SHORT, Asked, Race, Racer, racers, stop_races
from benchmarks.system import ENDLESS
from tests.connected.roles import Roles
from tests.whole.processes import Program, models_file

pytestmark = [pytest.mark.connected, pytest.mark.proof, pytest.mark.timeout(300)]

RACES = 60
READERS = 8
SPREAD_SECONDS = 0.1


@pytest.fixture
def models(tmp_path: Path, provider_url: str) -> Path:
    """The models that races ask for."""
    return models_file(tmp_path, provider_url, **{name: [name] for name in (ENDLESS, SHORT)})


def not_clean(races: Sequence[Race]) -> list[Race]:
    return [race for race in races if not race.is_clean]


async def test_stops_that_race_with_a_start_or_an_end_are_never_lost(roles: Roles) -> None:
    with roles.worker(), roles.worker(), roles.edge() as first, roles.edge() as second:
        races = await stop_races([first.said["edge"], second.said["edge"]], RACES)
    assert len(races) == RACES
    assert not_clean(races) == []
    assert {race.end for race in races if race.moment == "start"} == {"stopped"}, "an endless answer has no other end"


async def test_stops_that_race_with_a_workers_death_end_its_turns_as_stopped(roles: Roles) -> None:
    with roles.worker() as dying, roles.worker(), roles.edge() as first, roles.edge() as second:
        async with racers([first.said["edge"], second.said["edge"]], READERS) as people:
            asked = [await racer.ask(ENDLESS) for racer in people]
            await asyncio.gather(*(racer.reads(turn) for racer, turn in zip(people, asked, strict=True)))
            stops = (_stop_soon(racer, turn) for racer, turn in zip(people, asked, strict=True))
            await asyncio.gather(_kill_meanwhile(dying), *stops)
            await asyncio.sleep(QUIET_SECONDS)  # whatever would come after an end has come by now
            races = [race for racer in people for race in racer.races()]
    assert len(races) == READERS
    assert not_clean(races) == []
    assert {race.end for race in races} == {"stopped"}


async def _kill_meanwhile(worker: Program) -> None:
    await asyncio.sleep(SPREAD_SECONDS / 2)
    await asyncio.to_thread(worker.kill)


async def _stop_soon(racer: Racer, asked: Asked) -> None:
    """From either device, some before and some after the death."""
    await asyncio.sleep(random.uniform(0, SPREAD_SECONDS))
    await racer.stop("death", random.choice([racer.watching, racer.other]), asked)
