"""When a turn may begin: a user's turns per minute, and how much waits for workers already."""

import pytest

from schemas.errors import ErrorCode
from schemas.ids import new_id, user_id_of
from schemas.requests import Ask
from schemas.topics import request_key
from tests.edge_turns import Turn, reply
from ws_edge.refusing import LATER_SECONDS, AboutToOpen, Admission, AdmissionRules, Refusal
from ws_edge.turn_pace import TurnPace
from ws_edge.turns_in_flight import TurnsInFlight
from ws_edge.waiting_lines import WaitingLines

NOBODY = AboutToOpen(0, 0)
ASHA = user_id_of("tests", "asha")


def request(user_id: str = ASHA) -> Ask:
    return Ask(
        user_id=user_id,
        conversation_id=new_id(),
        turn_id=new_id(),
        request_id=new_id(),
        text="Why?",
        model="fast",
        accepted_at="2026-03-01T12:00:00Z",
    )


def admission(pace: TurnPace | None = None, max_waiting: int = 0, max_wait: float = 0) -> Admission:
    """With the greatest jitter."""
    rules = AdmissionRules(30, max_waiting, max_wait)
    return Admission(rules, pace or TurnPace(0), draw=lambda _, most: most)


def test_a_user_begins_only_so_many_turns_a_minute_and_hears_when_the_next_may_come() -> None:
    pace, turns = TurnPace(3), TurnsInFlight()
    for at in (0.0, 10.0, 20.0):
        assert admission(pace).refusal(request(), turns, NOBODY, at) is None
        pace.asked(ASHA, at, at)
    assert admission(pace).refusal(request(), turns, NOBODY, 45.0) == Refusal(ErrorCode.TOO_MANY_REQUESTS, 15_000)
    assert admission(pace).refusal(request("ravi"), turns, NOBODY, 45.0) is None
    assert admission(pace).refusal(request(), turns, NOBODY, 60.0) is None
    pace.asked(ASHA, 60.0, 60.0)
    assert admission(pace).refusal(request(), turns, NOBODY, 60.5) == Refusal(ErrorCode.TOO_MANY_REQUESTS, 9_500)


def test_turns_that_are_about_to_open_count_as_if_they_had() -> None:
    pace = TurnPace(3)
    pace.asked(ASHA, 0.0, 0.0)
    assert pace.seconds_until_next(ASHA, 1, 30.0) is None
    assert pace.seconds_until_next(ASHA, 2, 30.0) == 30.0
    assert pace.seconds_until_next(ASHA, 3, 30.0) == 60.0


def test_without_a_limit_nothing_is_remembered() -> None:
    pace = TurnPace(0)
    for _ in range(1000):
        pace.asked(ASHA, 0.0, 0.0)
    assert pace.seconds_until_next(ASHA, 1000, 0.0) is None
    assert len(pace) == 0


def test_users_who_asked_long_ago_are_forgotten() -> None:
    pace = TurnPace(3)
    for n in range(100):
        pace.asked(f"u{n}", float(n), float(n))
    assert len(pace) == 60
    pace.asked("u0", 100.0, 200.0)  # read late: it is history already
    assert len(pace) == 0


def waiting(count: int, starts: int = 0, seconds_between: float = 0) -> tuple[TurnsInFlight, float]:
    """So many turns of different users in one line, some of which have started, one after the other; and the time."""
    turns, now = TurnsInFlight(lines=WaitingLines(lambda: 1)), 0.0
    turns.lines.measure_from(now)
    everybody = [Turn(user_id=f"u{n}") for n in range(count + starts)]
    for turn in everybody:
        turns.apply(turn.user_id, *reply(turn.asked()), now)
    for turn in everybody[:starts]:
        now += seconds_between
        turns.apply(turn.user_id, *reply(turn.started()), now)
    return turns, now


def test_a_turn_that_would_wait_too_long_is_refused_and_comes_back_when_the_line_is_shorter() -> None:
    turns, now = waiting(count=9, starts=5, seconds_between=4.0)
    assert turns.lines.place_of_next(request_key(ASHA, new_id()), now).seconds == pytest.approx(40.0)
    assert admission(max_wait=41).refusal(request(), turns, NOBODY, now) is None
    assert admission(max_wait=30).refusal(request(), turns, NOBODY, now) == Refusal(ErrorCode.OVERLOADED, 20_000)
    assert admission(max_wait=39).refusal(request(), turns, NOBODY, now) == Refusal(
        ErrorCode.OVERLOADED, int(2000 * LATER_SECONDS)
    )


def test_where_nobody_waits_nobody_is_refused_however_slow_workers_were() -> None:
    turns, now = waiting(count=0, starts=5, seconds_between=500.0)
    assert admission(max_wait=1).refusal(request(), turns, NOBODY, now) is None


def test_before_anything_was_measured_only_the_number_of_those_who_wait_counts() -> None:
    turns, now = waiting(count=10)
    assert admission(max_wait=1).refusal(request(), turns, NOBODY, now) is None
    assert admission(max_waiting=11).refusal(request(), turns, NOBODY, now) is None
    assert admission(max_waiting=10).refusal(request(), turns, NOBODY, now) == Refusal(ErrorCode.OVERLOADED, 10_000)
    assert admission(max_waiting=13).refusal(request(), turns, AboutToOpen(0, 2), now) is None
    assert admission(max_waiting=13).refusal(request(), turns, AboutToOpen(0, 3), now) is not None


def test_those_who_are_refused_together_do_not_come_back_together() -> None:
    turns, now = waiting(count=10)
    rules = AdmissionRules(30, 10, 0)
    refusals = [Admission(rules, TurnPace(0)).refusal(request(), turns, NOBODY, now) for _ in range(50)]
    moments = {refusal.retry_after_ms for refusal in refusals if refusal is not None and refusal.retry_after_ms}
    assert len(moments) > 40
    assert min(moments) >= 5_000
    assert max(moments) <= 10_001


def test_what_a_user_does_comes_before_what_all_do() -> None:
    turns, now = waiting(count=10)
    pace = TurnPace(1)
    pace.asked(ASHA, now, now)
    refusal = admission(pace, max_waiting=1).refusal(request(), turns, NOBODY, now)
    assert refusal == Refusal(ErrorCode.TOO_MANY_REQUESTS, 60_000)
