"""What counts as standing still, and what must never."""

import asyncio
from collections.abc import Hashable, Mapping

import pytest

from consumers import watchdog as watchdog_module
from consumers.standing_still import StandingStill
from consumers.watchdog import Watchdog, WorkerStuck
from tests.contracts.deadlines import eventually


def test_the_same_sign_for_too_long_is_stuck_and_a_new_one_begins_again() -> None:
    standing = StandingStill(60)
    for now in (0, 30, 59):
        standing.observe({"partition 3": 17}, now)
    assert standing.stuck(59) == []
    assert standing.stuck(60) == ["partition 3"]
    standing.observe({"partition 3": 18}, 61)
    assert standing.stuck(100) == []


def test_what_has_no_work_is_idle_and_not_stuck() -> None:
    standing = StandingStill(60)
    for now in (0, 30, 60):
        standing.observe({"partition 3": 17}, now)
    standing.observe({}, 61)
    standing.observe({"partition 3": 17}, 62)
    assert standing.stuck(90) == []


def test_a_process_that_was_paused_as_a_whole_is_not_stuck_by_its_clock_alone() -> None:
    standing = StandingStill(60)
    standing.observe({"polling": 5}, 0)
    standing.observe({"polling": 5}, 500)  # the first thing that runs again is the watchdog
    assert standing.stuck(500) == []


def test_an_outage_of_the_broker_gives_everything_its_full_time_again() -> None:
    standing = StandingStill(60)
    for now in (0, 20, 40):
        standing.observe({"polling": 5}, now)
    standing.forget()
    for now in (50, 70, 90):
        standing.observe({"polling": 5}, now)
    assert standing.stuck(90) == []
    assert standing.stuck(110) == ["polling"]


class Consumption:
    """Shows the same signs at each look, or none: the broker is away."""

    def __init__(self, signs: Mapping[str, Hashable] | None) -> None:
        self.signs = signs
        self.looks = 0

    async def look(self) -> Mapping[str, Hashable] | None:
        self.looks += 1
        return self.signs

    async def looked(self, times: int) -> None:
        wanted = self.looks + times

        async def is_done() -> bool:
            return self.looks >= wanted

        await eventually(is_done)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watchdog_module, "LOOK_SECONDS", 0.005)


async def test_the_watchdog_ends_a_worker_that_makes_no_progress_and_says_where() -> None:
    watchdog = Watchdog(Consumption({"polling": 5, "partition 3": 17}), stuck_seconds=0.05)
    with pytest.raises(WorkerStuck, match=r"no progress for 0.05 s: polling, partition 3; .* started again"):
        await watchdog.run(asyncio.Event())
    assert watchdog.why_stuck() is not None


async def test_the_watchdog_lets_a_worker_live_while_the_broker_is_away_and_for_its_time_after_that() -> None:
    consumption, stop = Consumption({"partition 3": 17}), asyncio.Event()
    watchdog = Watchdog(consumption, stuck_seconds=0.1)
    watching = asyncio.create_task(watchdog.run(stop))
    await consumption.looked(2)
    consumption.signs = None
    await asyncio.sleep(0.2)  # longer than anything may stand still
    assert watchdog.why_stuck() is None
    assert watchdog.broker_silent_seconds() > 0.1
    consumption.signs = {"partition 3": 17}
    await consumption.looked(3)
    assert watchdog.broker_silent_seconds() < 0.1
    stop.set()
    await watching
