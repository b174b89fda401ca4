"""Who is dead: an unchanged counter, in enough successful reads, over enough time of one's own clock (DESIGN 6.3)."""

import pytest

from consumers.liveness import Liveness


@pytest.fixture
def liveness() -> Liveness:
    return Liveness(dead_after_seconds=5, min_reads=3)


def observe(liveness: Liveness, *reads: tuple[float, dict[str, int]]) -> None:
    for now, counters in reads:
        liveness.observe(counters, now)


def test_nobody_is_dead_before_anything_was_read(liveness: Liveness) -> None:
    assert not liveness.is_dead("w")


def test_a_counter_that_moves_is_alive(liveness: Liveness) -> None:
    observe(liveness, *((float(t), {"w": t}) for t in range(60)))
    assert not liveness.is_dead("w")


def test_a_counter_unchanged_for_long_enough_is_dead(liveness: Liveness) -> None:
    observe(liveness, (0, {"w": 4}), (2, {"w": 4}), (4.9, {"w": 4}), (4.99, {"w": 4}))
    assert not liveness.is_dead("w")
    observe(liveness, (5.0, {"w": 4}))
    assert liveness.is_dead("w")


def test_a_counter_that_vanished_is_as_good_as_unchanged(liveness: Liveness) -> None:
    observe(liveness, (0, {"w": 4}), (2, {}), (4, {}), (6, {}))
    assert liveness.is_dead("w")


def test_few_reads_declare_nobody_dead_however_far_apart(liveness: Liveness) -> None:
    # A store outage: one read, a minute of failures, then two more.
    observe(liveness, (0, {"w": 4}), (60, {"w": 4}), (61, {"w": 4}))
    assert not liveness.is_dead("w")


def test_an_outage_counts_for_no_more_than_one_read_for_nobody_could_beat_in_it(liveness: Liveness) -> None:
    observe(liveness, (0, {"w": 4}), *((float(t), {"w": 4}) for t in range(60, 64)))
    assert not liveness.is_dead("w")
    observe(liveness, (64, {"w": 4}))
    assert liveness.is_dead("w"), "five reads, as without an outage"


def test_where_every_read_is_slow_the_dead_are_found_after_five_of_them(liveness: Liveness) -> None:
    observe(liveness, *((100 + t * 3.1, {"w": 4, "alive": t}) for t in range(5)))
    assert not liveness.is_dead("w")
    observe(liveness, (100 + 5 * 3.1, {"w": 4, "alive": 5}))
    assert liveness.is_dead("w")
    assert not liveness.is_dead("alive")


def test_time_without_reads_declares_nobody_dead(liveness: Liveness) -> None:
    observe(liveness, (0, {"w": 4}), (1, {"w": 4}), (2, {"w": 4}), (3, {"w": 4}))
    assert not liveness.is_dead("w")


def test_one_who_comes_back_is_alive_again(liveness: Liveness) -> None:
    observe(liveness, (0, {"w": 4}), (3, {"w": 4}), (6, {"w": 4}), (9, {"w": 4}))
    assert liveness.is_dead("w")
    observe(liveness, (10, {"w": 5}))
    assert not liveness.is_dead("w")


def test_one_who_was_never_seen_is_dead_as_long_after_the_first_question(liveness: Liveness) -> None:
    assert not liveness.is_dead("w")
    observe(liveness, (100, {}))
    assert not liveness.is_dead("w")
    observe(liveness, (102, {}), (104, {}))
    assert not liveness.is_dead("w")
    observe(liveness, (106, {}))
    assert liveness.is_dead("w")


def test_one_who_was_just_born_is_not_dead_because_older_reads_lack_it(liveness: Liveness) -> None:
    observe(liveness, *((float(t), {"other": t}) for t in range(60)))
    # It claimed a turn a moment ago; its first heartbeat comes with the next read.
    assert not liveness.is_dead("w")
    observe(liveness, (60.0, {"other": 60, "w": 1}), (61.0, {"other": 61, "w": 2}))
    assert not liveness.is_dead("w")


def test_workers_that_left_long_ago_are_remembered_no_more(liveness: Liveness) -> None:
    observe(liveness, (0, {"left": 1, "stands still": 1, "alive": 1}))
    observe(liveness, *((float(t), {"stands still": 1, "alive": t}) for t in range(2, 3600)))
    assert (liveness.known_count, liveness.is_dead("left")) == (3, True)
    observe(liveness, *((float(t), {"stands still": 1, "alive": t}) for t in range(3600, 3603)))
    assert liveness.known_count == 2
    assert liveness.is_dead("stands still"), "its counter is there, and has not moved"
    assert not liveness.is_dead("left"), "watched anew"
    observe(liveness, *((float(t), {"alive": t}) for t in range(3603, 3609)))
    assert liveness.is_dead("left")
