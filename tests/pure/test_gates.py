"""The gates before deployments: rates learned from refusals, and circuits, with time as an argument."""

from itertools import pairwise

import pytest

from consumers.llm.gates import Gates
from consumers.llm.gates_circuit import FAILURES_THAT_OPEN, FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS, Circuit
from consumers.llm.gates_rate import RateLimit
from consumers.llm.gates_told import ToldLimits, duration_seconds, told_by

RETRY_AFTER_1 = ToldLimits(retry_after_seconds=1)


def limited(rate: float = 10) -> RateLimit:
    """A limit that was learned at second 0 from `rate` requests that were taken, and one that was not."""
    limit = RateLimit()
    for _ in range(int(rate)):
        limit.taken(0)
    limit.refused(0, 0, RETRY_AFTER_1)
    return limit


def test_before_the_first_refusal_there_is_no_limit() -> None:
    limit = RateLimit()
    for _ in range(1_000):
        limit.ask(0)
        limit.taken(0)
    assert limit.wait_seconds(0, ahead=1_000) == 0


def test_a_refusal_pauses_as_long_as_it_says_and_then_requests_follow_at_the_measured_rate() -> None:
    limit = limited(rate=10)
    assert limit.rate == pytest.approx(9)
    assert limit.wait_seconds(0.25) == 0.75
    assert limit.wait_seconds(1) == 0
    assert limit.wait_seconds(1, ahead=8) == 0, "what the pause saved up"
    assert limit.wait_seconds(1, ahead=9) == pytest.approx(1 / 9)
    for _ in range(9):
        limit.ask(1)
    assert limit.wait_seconds(1, ahead=8) == pytest.approx(1)


def test_a_flight_of_refusals_cuts_the_rate_once_and_the_longest_pause_holds() -> None:
    limit = limited(rate=10)
    for _ in range(50):
        limit.refused(0, 0.1, ToldLimits(retry_after_seconds=3))
    limit.refused(0, 0.2, RETRY_AFTER_1)
    assert limit.rate == pytest.approx(9)
    assert limit.wait_seconds(0.1) == pytest.approx(2.9), "as from the flight's beginning"


def test_a_later_refusal_cuts_again_but_never_below_half_at_once() -> None:
    limit = limited(rate=10)
    limit.refused(20, 20.1, RETRY_AFTER_1)
    assert limit.rate == pytest.approx(4.5)


def test_the_rate_grows_only_while_requests_are_taken_and_faster_the_longer_none_is_refused() -> None:
    limit = limited(rate=10)
    rates = []
    for second in range(1, 15):
        for _ in range(1_000):
            limit.taken(second)
        rates.append(limit.rate or 0)
    steps = [later - sooner for sooner, later in pairwise(rates)]
    assert 0 < steps[0] < 1
    assert steps == sorted(steps)
    assert rates[-1] > 15
    idle = limited(rate=10)
    idle.taken(3_600)
    assert idle.rate is not None
    assert idle.wait_seconds(3_600, ahead=int(idle.rate)) > 0, "an hour's silence is not saved up"


def test_the_rate_does_not_grow_above_what_the_provider_told_a_moment_ago() -> None:
    limit = limited(rate=10)
    for tenth in range(10, 300):
        limit.taken(tenth / 10, ToldLimits(rate=10))
    assert limit.rate == 10
    for tenth in range(600, 620):
        limit.taken(tenth / 10)
    assert limit.rate > 10


def test_a_rate_that_nobody_uses_does_not_grow() -> None:
    limit = limited(rate=10)
    for second in range(10, 100):
        limit.taken(second)
    assert limit.rate == pytest.approx(9)


def open_circuit(now: float = 0) -> Circuit:
    circuit = Circuit()
    for _ in range(FAILURES_THAT_OPEN):
        circuit.ask()
        circuit.failed(now, luck=1)
    return circuit


def test_failures_without_an_answer_in_between_open_the_circuit() -> None:
    circuit = Circuit()
    for _ in range(FAILURES_THAT_OPEN - 1):
        circuit.failed(0, luck=1)
    circuit.answered()
    for _ in range(FAILURES_THAT_OPEN - 1):
        circuit.failed(0, luck=1)
    assert circuit.wait_seconds(0) == 0
    circuit.failed(0, luck=1)
    assert circuit.wait_seconds(0) == FIRST_PAUSE_SECONDS


def test_after_the_pause_one_may_probe_and_its_answer_lets_everybody_in() -> None:
    circuit = open_circuit()
    assert circuit.wait_seconds(1) == 0
    assert circuit.wait_seconds(1, ahead=1) > 0
    assert circuit.ask()
    assert circuit.wait_seconds(1) > 0
    circuit.answered()
    assert circuit.wait_seconds(1, ahead=100) == 0


def test_a_failed_probe_makes_the_pause_longer_up_to_a_limit_and_luck_spreads_it() -> None:
    circuit, now, pauses = open_circuit(), 0.0, []
    for _ in range(8):
        now += circuit.wait_seconds(now)
        circuit.failed(now, luck=1, is_probe=circuit.ask())
        pauses.append(circuit.wait_seconds(now))
    assert pauses == [2, 4, 8, 16, LONGEST_PAUSE_SECONDS, *[LONGEST_PAUSE_SECONDS] * 3]
    circuit.failed(now, luck=0, is_probe=True)
    assert circuit.wait_seconds(now) == LONGEST_PAUSE_SECONDS / 2


def test_a_probe_that_is_given_up_makes_room_for_the_next() -> None:
    circuit = open_circuit()
    circuit.left(is_probe=circuit.ask())
    assert circuit.wait_seconds(1) == 0
    assert circuit.ask()


def test_failures_of_requests_from_before_neither_end_a_probe_nor_lengthen_the_pause() -> None:
    circuit = open_circuit()
    circuit.failed(0.5, luck=1)
    assert circuit.wait_seconds(1) == 0
    circuit.ask()
    circuit.failed(1, luck=1)
    assert circuit.wait_seconds(1) == 1, "the probe is still out"


def test_a_refusal_for_limits_closes_a_circuit_and_the_first_word_on_a_request_counts() -> None:
    gate = Gates().of("a deployment")
    for _ in range(FAILURES_THAT_OPEN):
        gate.ask(0).failed(0, luck=1)
    probe = gate.ask(1)
    probe.refused(1, RETRY_AFTER_1)
    probe.failed(1, luck=1)
    assert gate.circuit.is_closed
    assert gate.wait_seconds(1) == 1, "the limit's pause"


def test_deployments_have_gates_of_their_own() -> None:
    gates = Gates()
    gates.of("a").ask(0).refused(0, RETRY_AFTER_1)
    assert (gates.of("a").wait_seconds(0), gates.of("b").wait_seconds(0)) == (1, 0)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "7"}, 7),
        ({"retry-after-ms": "250", "retry-after": "1"}, 0.25),
        ({"retry-after": "Thu, 01 Jan 1970 00:01:40 GMT"}, 90),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-1"}, None),
        ({"retry-after": "nan"}, None),
        ({}, None),
    ],
)
def test_when_to_come_again_is_read_in_all_its_forms(headers: dict[str, str], seconds: float | None) -> None:
    assert told_by(headers, now_unix=10).retry_after_seconds == seconds


@pytest.mark.parametrize(
    ("text", "seconds"), [("1s", 1), ("6m0s", 360), ("20ms", 0.02), ("1h2m3.5s", 3723.5), ("12", 12), ("x", None)]
)
def test_durations_are_read_as_openai_writes_them(text: str, seconds: float | None) -> None:
    assert duration_seconds(text) == seconds


def test_a_rate_is_told_by_a_bucket_that_is_nearly_empty_and_by_no_other() -> None:
    headers = {"x-ratelimit-limit-requests": "10", "x-ratelimit-reset-requests": "1s"}
    assert told_by(headers | {"x-ratelimit-remaining-requests": "0"}, 0).rate == 10
    assert told_by(headers | {"x-ratelimit-remaining-requests": "9"}, 0).rate is None
    assert told_by(headers, 0).rate is None
