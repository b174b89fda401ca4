"""Each promise is really watched: with one rule of the worker taken away, the simulation finds a broken promise."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from unittest.mock import patch

import pytest

from consumers import claimer, claiming, endings, finishing
from consumers.assignment import Assignment
from consumers.beginning import Beginner
from consumers.claiming import Take
from consumers.finishing import Finisher
from consumers.offsets import OffsetTracker
from consumers.ordering import Lanes
from tests.pure.interleavings.scenario import DEATHS, SLEEP, Send, scenario_of
from tests.pure.interleavings.simulation import Broken, Simulation
from tests.pure.interleavings.worker_model import simulated_surroundings

MOST_SEEDS = 4_000


AIMS: dict[str, dict[str, Any]] = {
    "any number of attempts": {"sends": (Send(pieces=3),), "workers": 3, "mishaps": DEATHS, "faults": 8},
    "a finish of another's attempt": {"sends": (Send(pieces=2),) * 2, "workers": 2, "mishaps": SLEEP, "faults": 8},
    "old memories": {
        "sends": (Send(pieces=0),) * 4,
        "workers": 2,
        "partitions": 1,
        "mishaps": ("w0 freezes", "w0 wakes up", "rebalance"),
        "faults": 3,
    },
}
"""Where to look for what any schedule shows rarely."""

FIRST_SEED = {"old memories": 900}
"""About one schedule in a thousand shows it, and the first to do so is not near 0."""


def first_breach(aim: dict[str, Any], first_seed: int) -> str:
    """What the first schedule that breaks a promise says; nothing if none does."""
    for seed in range(first_seed, first_seed + MOST_SEEDS):
        try:
            Simulation(replace(scenario_of(seed), turn_seconds=600.0, **aim)).run()
        except Broken as broken:
            return str(broken).splitlines()[0]
    return ""


@contextmanager
def instead(owner: Any, name: str, sabotage: Callable[..., Any]) -> Iterator[None]:
    """`sabotage` in the place of a production function, which it gets as its first argument."""
    original = getattr(owner, name)

    def sabotaged(*args: Any, **kwargs: Any) -> Any:
        return sabotage(original, *args, **kwargs)

    in_its_place: Any = property(sabotaged) if isinstance(original, property) else sabotaged
    with simulated_surroundings(), patch.object(owner, name, in_its_place):
        yield


async def claim_without_writing(original: Any, self: Any, row: Any, request: Any) -> Any:
    return claiming.decide(row, request, self._new_claimant())


def commit_the_highest(original: Any, self: OffsetTracker) -> int | None:
    return max(self._finished, default=-1) + 1 or original(self)


def always_ready(original: Any, self: Lanes[Any], key: str, job: Any, share: str) -> None:
    original(self, key, job, share)
    if key not in self._ready.in_order():
        self._ready.add(share, key)


async def repair_nothing(original: Any, self: Finisher, row: Any, *known: Any) -> Any:
    """A redelivered turn's end is not published again: only whoever ended it says so."""
    return await original(self, row, *known) if known else ""


async def conclude_unseen(original: Any, self: Finisher, attempt: Any, ending: Any) -> Any:
    """The end is published before it is stored."""
    row = endings.with_parent(attempt.row, attempt.path.parent_id)
    await self._publish_end(endings.finished_row(row, ending, attempt.frames.checkpoint, {}, 1))
    return await original(self, attempt, ending)


SABOTAGE: dict[str, tuple[Any, str, Callable[..., Any], str]] = {
    "a claim is taken from a live owner": (claiming, "_must_wait", lambda *_: False, "taken from a live owner"),
    "a claim is not written": (claimer.Claimer, "_decide_and_write", claim_without_writing, "without its claim"),
    "a finish of another's attempt": (finishing, "is_mine", lambda *_: True, ""),
    "a stop in the row is passed over": (Take, "stops", lambda *_: False, "a stop was asked"),
    "a stop before the end is passed over": (finishing, "stopped_row", lambda _, row: row, "a stop was asked"),
    "any number of attempts": (claiming, "_why_to_fail", lambda *_: None, "asked a model"),
    "a commit past an open turn": (OffsetTracker, "to_commit", commit_the_highest, "committed without an end"),
    "turns of one conversation side by side": (Lanes, "add", always_ready, "claimed before"),
    "what belongs to another assignment": (Assignment, "owns", lambda *_: True, "claimed before"),
    "more turns than slots": (Lanes, "_has_room", lambda *_: True, "turns run"),
    "no repair of an end": (Finisher, "follow_up", repair_nothing, ""),
    "an end shown before it is stored": (Finisher, "conclude", conclude_unseen, "before it was stored"),
    "no bills": (finishing, "bills_of", lambda *_: [], "bills of []"),
    "old memories": (Beginner, "forget", lambda *_: None, "does not go on from the answer before it"),
}


@pytest.mark.timeout(300)
@pytest.mark.parametrize("what", SABOTAGE)
def test_without_one_of_its_rules_the_worker_breaks_a_promise(what: str) -> None:
    owner, name, sabotage, breach = SABOTAGE[what]
    with instead(owner, name, sabotage):
        found = first_breach(AIMS.get(what, {}), FIRST_SEED.get(what, 0))
    assert found and breach in found, found
