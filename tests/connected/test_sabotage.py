"""The checker of `samvad prove` finds bugs: each one injected into real processes, each reported by its own class."""

from pathlib import Path

import pytest

from infra.prove.checking import Violation, check, report
from infra.prove.options import role_command
from tests.connected.running_stack import RunningStack
from tests.sabotage import sabotaged
from tests.sabotage.schedules import Schedule, join_midway, kill_midway, stop_midway, talk, wake_a_zombie
from tests.sabotage.stage import history_of, stage

pytestmark = [pytest.mark.connected, pytest.mark.proof, pytest.mark.timeout(300)]

WORKER, EDGE = role_command("worker"), role_command("edge")

OWN_CLASS: dict[str, tuple[Violation, Schedule]] = {
    "dropped_delta": (Violation.GAP, talk),
    "swapped_deltas": (Violation.REORDERED, talk),
    "double_publish": (Violation.DOUBLED, talk),
    "stop_ignored": (Violation.UNSTOPPED, stop_midway),
    "commit_before_processing": (Violation.LOST, kill_midway),
    "publish_before_claim": (Violation.GHOST, join_midway),
    "finish_without_compare_and_set": (Violation.TWO_ENDS, wake_a_zombie),
}


@pytest.mark.parametrize("bug", OWN_CLASS)
async def test_an_injected_bug_is_reported_as_what_it_is(bug: str, stack: RunningStack, tmp_path: Path) -> None:
    violation, schedule = OWN_CLASS[bug]
    found = await found_in(schedule, stack, tmp_path, sabotaged(bug, "worker"), EDGE)
    assert found.get(violation), found


async def test_an_edge_that_lets_a_zombie_through_is_reported(stack: RunningStack, tmp_path: Path) -> None:
    found = await found_in(wake_a_zombie, stack, tmp_path, WORKER, sabotaged("no_attempt_check", "edge"))
    assert found.get(Violation.REORDERED), found


@pytest.mark.parametrize("schedule", [kill_midway, wake_a_zombie, join_midway])
async def test_nothing_is_reported_without_a_bug(schedule: Schedule, stack: RunningStack, tmp_path: Path) -> None:
    assert await found_in(schedule, stack, tmp_path, WORKER, EDGE) == {}


async def test_nothing_is_reported_of_a_worker_that_hears_of_no_takeover(stack: RunningStack, tmp_path: Path) -> None:
    deaf = sabotaged("deaf_to_takeovers", "worker")
    assert await found_in(wake_a_zombie, stack, tmp_path, deaf, EDGE) == {}


async def found_in(
    schedule: Schedule, stack: RunningStack, folder: Path, worker: tuple[str, ...], edge: tuple[str, ...]
) -> dict[Violation, int]:
    """How many turns have each violation after a run."""
    async with stage(stack, folder, worker, edge) as standing:
        await schedule(standing)
        await standing.settled()
        await standing.collect()
    verdict = check(history_of(standing))
    print(report(verdict))  # noqa: T201  shown when the test fails
    assert verdict.turns == len(standing.turns)
    return {kind: verdict.count(kind) for kind in Violation if verdict.count(kind)}
