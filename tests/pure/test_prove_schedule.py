"""A proof's schedule: the same for the same seed, every kind in it, no lane broken twice at once."""

from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest

from infra.prove.fault_kinds import MANNERS, FaultKind, Lane
from infra.prove.faults.injecting import WAYS
from infra.prove.options import FULL_MINUTES, SHORT_MINUTES, ProofOptions
from infra.prove.schedule import schedule

SEEDS = range(20)
EVERY_KIND = tuple(FaultKind)


def counts(minutes: float, seed: int) -> Counter[FaultKind]:
    return Counter(fault.kind for fault in schedule(EVERY_KIND, minutes * 60, seed))


def test_the_same_seed_gives_the_same_faults_at_the_same_times() -> None:
    assert schedule(EVERY_KIND, 600, 7) == schedule(EVERY_KIND, 600, 7)
    assert schedule(EVERY_KIND, 600, 7) != schedule(EVERY_KIND, 600, 8)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_short_run_has_every_fault_and_a_full_one_has_each_twenty_times(seed: int) -> None:
    assert min(counts(SHORT_MINUTES, seed)[kind] for kind in FaultKind) >= 1
    assert min(counts(FULL_MINUTES, seed)[kind] for kind in FaultKind) >= 20


def test_every_kind_comes_once_however_little_time_there_is() -> None:
    assert counts(0.01, 1) == dict.fromkeys(FaultKind, 1)


def test_only_what_was_asked_for_is_put_in() -> None:
    planned = schedule((FaultKind.EDGE_KILL,), 120, 1)
    assert {fault.kind for fault in planned} == {FaultKind.EDGE_KILL}
    assert schedule((), 120, 1) == []


@pytest.mark.parametrize("lane", Lane)
def test_faults_of_one_lane_leave_each_other_time_to_end(lane: Lane) -> None:
    mine = [fault for fault in schedule(EVERY_KIND, 3600, 3) if MANNERS[fault.kind].lane is lane]
    assert all(later.at_seconds - each.at_seconds > MANNERS[each.kind].seconds for each, later in pairwise(mine))


def test_every_kind_has_its_way_of_being_put_in() -> None:
    assert WAYS.keys() == MANNERS.keys() == set(FaultKind)


def test_a_run_can_be_repeated_by_its_command_line(tmp_path: Path) -> None:
    options = ProofOptions(folder=tmp_path, seed=7, minutes=2, faults=(FaultKind.EDGE_KILL, FaultKind.CLOCK_STEP))
    assert options.repeated_by() == (
        "samvad prove --seed 7 --minutes 2 --clients 250 --think 60 --workers 2 --edges 2 --brokers 1"
        " --faults edge_kill,clock_step"
    )
