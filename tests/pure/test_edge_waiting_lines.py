"""Places and waiting times, from the starts that an edge sees; what a `queued` frame says of them."""

import pytest

from schemas.frames import Queued
from schemas.ids import new_id
from schemas.topics import partition_of
from tests.edge_turns import Turn, reply
from ws_edge.queue_places import WORKERS_WORD_SECONDS, queued_frame
from ws_edge.turns_in_flight import TurnsInFlight
from ws_edge.waiting_lines import Place, WaitingLines


def lines_of(partitions: int = 1, measured_from: float = 0.0) -> WaitingLines:
    lines = WaitingLines(lambda: partitions)
    lines.measure_from(measured_from)
    return lines


def keys(partitions: int) -> list[str]:
    """A key of each partition."""
    found: dict[int, str] = {}
    while len(found) < partitions:
        key = new_id()
        found.setdefault(partition_of(key, partitions), key)
    return list(found.values())


def test_places_are_counted_in_the_order_of_coming_and_in_one_partition_only() -> None:
    lines, (here, there) = lines_of(2), keys(2)
    for turn_id, key in (("a", here), ("x", there), ("b", here), ("c", here), ("b", here)):
        lines.join(turn_id, key, 0)
    assert [lines.place(turn_id, 0) for turn_id in "abcx"] == [Place(n, None) for n in (1, 2, 3, 1)]
    lines.leave("a")
    lines.start("b", 1)
    assert [lines.place(turn_id, 1) for turn_id in "abc"] == [None, None, Place(1, None)]


def test_the_wait_follows_from_the_time_between_two_starts_of_a_line_that_is_never_empty() -> None:
    lines = lines_of()
    for n in range(40):
        lines.join(f"t{n}", "k", 0)
    for n in range(30):
        lines.start(f"t{n}", 100 + 2.0 * n)
    place = lines.place("t39", 100 + 2.0 * 29)
    assert place is not None
    assert place.position == 10
    assert place.seconds == pytest.approx(20)


def test_time_in_which_nobody_waited_says_nothing_about_the_workers() -> None:
    lines = lines_of()
    for n in range(10):
        lines.join(f"t{n}", "k", 1000.0 * n)
        lines.start(f"t{n}", 1000.0 * n + 0.02)
    lines.join("next", "k", 20_000)
    assert lines.place("next", 20_000) == Place(1, None)


def test_a_line_that_stands_still_takes_that_much_longer() -> None:
    lines = lines_of()
    for turn_id in "abcd":
        lines.join(turn_id, "k", 0)
    lines.start("a", 1)
    lines.start("b", 3)
    assert lines.place("c", 3) == Place(1, 2)
    assert lines.place("c", 5) == Place(1, 2)
    assert lines.place("c", 63) == Place(1, 60)


def test_a_line_without_starts_of_its_own_goes_by_the_others() -> None:
    lines, (here, there) = lines_of(2), keys(2)
    for turn_id in "ab":
        lines.join(turn_id, here, 0)
    lines.start("a", 1)
    lines.start("b", 4)
    lines.join("x", there, 10)
    assert lines.place("x", 10) == Place(1, 3)


def test_what_is_read_again_at_the_start_of_an_edge_measures_nothing() -> None:
    lines = WaitingLines(lambda: 1)
    for n in range(9):
        lines.join(f"t{n}", "k", 0.001 * n)
    for n in range(5):
        lines.start(f"t{n}", 0.1)
        lines.end(0.1, 0.2)
    lines.measure_from(1)
    lines.start("t5", 5)
    lines.end(0.1, 5)
    assert (lines.place("t8", 5), lines.turn_seconds.seconds) == (Place(3, None), None)
    lines.start("t6", 8)
    lines.end(5, 8)
    assert (lines.place("t8", 8), lines.turn_seconds.seconds) == (Place(2, 6), 3)


class Scene:
    """What an edge knows; `apply` takes a frame of a turn at a time."""

    def __init__(self) -> None:
        self.turns = TurnsInFlight(lines=lines_of())

    def apply(self, turn: Turn, frame: object, now: float) -> None:
        address, raw = reply(frame)  # type: ignore[arg-type]
        self.turns.apply(turn.user_id, address, raw, now)
        self.turns.let_go(turn.turn_id, now)

    def queued(self, turn: Turn, now: float) -> Queued | None:
        in_flight = self.turns.open_turn(turn.turn_id)
        assert in_flight is not None
        return queued_frame(in_flight, self.turns, now)

    def place(self, turn: Turn, now: float) -> tuple[str, int, int]:
        frame = self.queued(turn, now)
        assert frame is not None
        assert (frame.turn_id, frame.attempt) == (turn.turn_id, 1)
        return frame.reason, frame.position, frame.eta_ms


def followers_of(turn: Turn, count: int) -> list[Turn]:
    return [Turn(turn.user_id, turn.conversation_id) for _ in range(count)]


def test_a_turn_behind_others_of_its_conversation_counts_those_and_waits_for_their_ends() -> None:
    scene, before, first = Scene(), Turn(), Turn()
    scene.apply(before, before.started(), 0)
    scene.apply(before, before.completed(), 10)
    scene.apply(first, first.asked(), 100)
    second, third = followers_of(first, 2)
    scene.apply(second, second.asked(), 100)
    scene.apply(third, third.asked(), 100)
    scene.apply(first, first.started(), 101)
    assert scene.place(second, 103) == ("conversation_busy", 1, 8_000)
    assert scene.place(third, 103) == ("conversation_busy", 2, 18_000)
    assert scene.place(second, 200) == ("conversation_busy", 1, 0), "it takes longer than any: nobody can tell"


def test_only_the_first_of_a_conversation_is_before_those_who_wait_for_a_worker() -> None:
    scene, many, other = Scene(), Turn(), Turn()
    behind = followers_of(many, 5)
    for turn in (many, *behind, other):
        scene.apply(turn, turn.asked(), 0)
    assert scene.place(many, 1) == ("waiting_for_worker", 1, 0)
    assert scene.place(other, 1) == ("waiting_for_worker", 2, 0)
    scene.apply(many, many.started(), 2)
    assert scene.place(other, 2) == ("waiting_for_worker", 1, 0)
    scene.apply(many, many.completed(), 3)
    assert scene.place(other, 3) == ("waiting_for_worker", 1, 0)
    assert scene.place(behind[0], 3) == ("waiting_for_worker", 2, 0), "it came to the line just now"
    assert scene.place(behind[1], 3)[:2] == ("conversation_busy", 1)


def test_while_a_worker_says_why_a_turn_waits_the_edge_is_silent_and_counts_it_no_more() -> None:
    scene, held, other = Scene(), Turn(), Turn()
    for turn in (held, other):
        scene.apply(turn, turn.asked(), 0)
    scene.apply(held, held.queued(), 1)
    assert scene.queued(held, 2) is None
    assert scene.place(other, 2) == ("waiting_for_worker", 1, 0)
    assert scene.queued(held, 1.0 + WORKERS_WORD_SECONDS) is not None


def test_what_ended_or_was_forgotten_is_before_nobody() -> None:
    scene, stopped, other = Scene(), Turn(), Turn()
    for turn in (stopped, other):
        scene.apply(turn, turn.asked(), 0)
    scene.apply(stopped, stopped.started(), 1)
    scene.apply(stopped, stopped.stopped(), 1)
    assert scene.place(other, 1)[1] == 1
    scene.turns.forget(10_000)
    last = Turn()
    scene.apply(last, last.asked(), 10_000)
    assert scene.place(last, 10_000)[1] == 1
