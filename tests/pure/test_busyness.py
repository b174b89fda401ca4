"""Wait or fail: what one walk along a chain of shut gates and faults leads to."""

import pytest

from consumers.llm.busyness import Busyness
from consumers.llm.gates import Gate, Gates
from consumers.llm.gates_circuit import FAILURES_THAT_OPEN
from consumers.llm.gates_told import ToldLimits
from consumers.llm.pieces import ProviderFault
from schemas.errors import ErrorCode

NOBODY: frozenset[str] = frozenset()
BUSY = ProviderFault(ErrorCode.PROVIDER_BUSY, "RateLimitError")
BROKEN = ProviderFault(ErrorCode.PROVIDER_FAILED, "InternalServerError")


def limited(seconds: float = 3) -> Gate:
    gate = Gate()
    gate.ask(0).refused(0, ToldLimits(retry_after_seconds=seconds))
    return gate


def down() -> Gate:
    gate = Gate()
    for _ in range(FAILURES_THAT_OPEN):
        gate.ask(0).failed(0, luck=1)
    return gate


def test_an_open_gate_is_not_passed_over_and_nothing_is_waited_for() -> None:
    busyness = Busyness(NOBODY)
    assert not busyness.is_passed_over("a", Gate(), 0)
    assert busyness.word(0) is None


def test_where_all_are_limited_the_turn_waits_for_the_first_that_is_free() -> None:
    busyness = Busyness(NOBODY)
    assert busyness.is_passed_over("a", limited(3), 1)
    busyness.broke("b", limited(2), BUSY)
    busy = busyness.word(1)
    assert busy is not None
    assert (busy.code, busy.retry_after_seconds, busy.failed) == (ErrorCode.PROVIDER_BUSY, 1, NOBODY)


def test_what_failed_in_this_turn_is_not_asked_again_while_it_waits_for_the_limited_one() -> None:
    busyness = Busyness(NOBODY)
    busyness.broke("a", Gate(), BROKEN)
    assert busyness.is_passed_over("b", limited(), 0)
    busy = busyness.word(0)
    assert busy is not None
    assert busy.failed == {"a"}
    later = Busyness(busy.failed)
    assert later.is_passed_over("a", Gate(), 5)
    assert not later.is_passed_over("b", limited(), 5)


def test_where_all_circuits_are_open_the_turn_waits_for_the_next_probe() -> None:
    busyness = Busyness(NOBODY)
    assert busyness.is_passed_over("a", down(), 0)
    busy = busyness.word(0)
    assert busy is not None
    assert (busy.code, busy.retry_after_seconds) == (ErrorCode.PROVIDER_FAILED, 1)


@pytest.mark.parametrize("gate", [Gate(), down()])
def test_a_turn_whose_own_try_failed_does_not_wait_for_what_is_down(gate: Gate) -> None:
    busyness = Busyness(NOBODY)
    busyness.is_passed_over("b", gate, 0)
    busyness.broke("a", Gate(), BROKEN)
    assert busyness.word(0) is None


def test_a_chain_stands_as_its_best_deployment_and_goes_at_the_pace_of_all() -> None:
    gates = Gates()
    for deployment, rate, seconds in (("a", 10, 3), ("b", 30, 2)):
        for _ in range(rate):
            gates.of(deployment).ask(0).taken(0)
        gates.of(deployment).ask(0).refused(0, ToldLimits(retry_after_seconds=seconds))
    standing = gates.standing(["a", "b"], 0)
    assert standing.wait_seconds == 2
    assert standing.interval_seconds == pytest.approx(1 / 36)
    assert standing.reason == "rate_limited"
    assert gates.standing(["a", "new"], 0).wait_seconds == 0
    assert gates.standing([], 0).wait_seconds == 0


def test_a_chain_whose_circuits_are_all_open_is_down() -> None:
    gates = Gates()
    for _ in range(FAILURES_THAT_OPEN):
        gates.of("a").ask(0).failed(0, luck=1)
    standing = gates.standing(["a"], 0)
    assert (standing.wait_seconds, standing.reason) == (1, "provider_down")
