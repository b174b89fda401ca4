"""Thousands of orders of events: whatever happens when, every accepted turn ends once, as promised (G2-G8).

2,000 of them every time, 10,000 in a full run, and with SAMVAD_INTERLEAVINGS=100000 so many. What breaks a promise is
told with its scenario and every step that led there; schedules that hypothesis chooses shrink to a short list of steps.
"""

import os
from collections import Counter
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings

from tests.pure.interleavings.scenario import SCENARIOS, Scenario, scenario_of
from tests.pure.interleavings.simulation import Simulation
from tests.pure.interleavings.worker_model import simulated_surroundings
from tests.sizes import size

INTERLEAVINGS = int(os.environ.get("SAMVAD_INTERLEAVINGS", size(2_000, full=10_000)))
PARTS = size(4, full=8)
"""Each for another core, and large enough for every event."""

EVENTS = (
    "takeovers",
    "claimed as redelivery",
    "released",
    "unknown outcomes",
    "refused writes",
    "turn_lost_at_finish",
    "given up fenced",
    "given up released",
    "commit_failed",
    "ended completed",
    "ended stopped",
    "ended failed",
    "failed deadline_exceeded",
)
"""What must have happened somewhere, or the simulation would show nothing."""


@pytest.fixture(autouse=True, scope="module")
def surroundings() -> Iterator[None]:
    with simulated_surroundings():
        yield


@pytest.mark.timeout(600)
@pytest.mark.parametrize("part", range(PARTS))
def test_every_order_of_events_keeps_the_promises(part: int) -> None:
    seen: Counter[str] = Counter()
    for seed in range(part, INTERLEAVINGS, PARTS):
        simulation = Simulation(scenario_of(seed))
        simulation.run()
        seen += simulation.cluster.world.seen
    missing = [event for event in EVENTS if not seen[event]]
    assert not missing or INTERLEAVINGS < 2_000, f"seen: {dict(seen)}"


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(scenario=SCENARIOS)
def test_no_schedule_that_anybody_thinks_of_breaks_a_promise(scenario: Scenario) -> None:
    Simulation(scenario).run()
