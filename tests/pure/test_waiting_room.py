"""The waiting room before a limited provider: who goes next, when, and what those behind are told."""

from collections.abc import Sequence

from consumers.llm.gates import Standing
from consumers.waiting_notices import LONGEST_SILENCE_SECONDS, Notices
from consumers.waiting_room import WaitingRoom
from schemas.frames import Queued, ServerFrame
from store.rows import TurnRow

# Fractions of two, so that sums of them are exact.
OPEN = Standing(wait_seconds=0, interval_seconds=1 / 64)
EIGHT_A_SECOND = Standing(wait_seconds=0, interval_seconds=1 / 8)
SHUT = Standing(wait_seconds=2, interval_seconds=1 / 8)


def crowd(**users: Sequence[str]) -> WaitingRoom[str]:
    room: WaitingRoom[str] = WaitingRoom()
    for user, turns in users.items():
        for turn in turns:
            room.enter(user, turn)
    return room


def let_go(room: WaitingRoom[str], standing: Standing, now: float) -> str:
    """All that may go at that moment."""
    return "".join(iter(lambda: room.let_go(standing, now) or "", ""))


def test_a_newcomer_passes_only_when_nobody_waits_and_there_is_nothing_to_wait_for() -> None:
    room = crowd()
    assert room.is_passed(OPEN)
    assert not room.is_passed(SHUT)
    assert not crowd(asha="a").is_passed(OPEN)


def test_turns_are_let_go_one_by_one_at_the_pace_of_the_gates() -> None:
    room = crowd(asha="abcd")
    gone = [let_go(room, EIGHT_A_SECOND, tick / 64) for tick in range(30)]
    assert [(tick, turn) for tick, turn in enumerate(gone) if turn] == [(0, "a"), (8, "b"), (16, "c"), (24, "d")]


def test_nobody_goes_while_the_gates_are_shut_and_all_go_quickly_once_they_open() -> None:
    room = crowd(asha="abc")
    assert let_go(room, SHUT, 0) == ""
    assert room.due_in(SHUT, 0) == 2
    assert let_go(room, EIGHT_A_SECOND, 2) == "a"
    assert let_go(room, OPEN, 2 + 1 / 64) == ""
    assert let_go(room, OPEN, 2 + 2 / 64) == "b", "the pace became quicker"


def test_a_single_turn_does_not_wait_for_another_users_crowd() -> None:
    room = crowd(greedy=[str(number) for number in range(400)])
    room.let_go(OPEN, 0)
    room.enter("modest", "m")
    assert room.let_go(OPEN, 1) == "m"


def test_who_was_refused_in_spite_of_being_let_go_is_next() -> None:
    room = crowd(asha="abc")
    first = room.let_go(OPEN, 0)
    assert first == "a"
    room.enter("asha", first, is_back=True)
    assert room.let_go(OPEN, 1) == "a"


def test_the_outlook_tells_positions_from_one_and_when_each_may_go() -> None:
    room = crowd(asha="ab", ben="1")
    assert list(room.outlook(SHUT)) == [("1", 1, 2_000), ("a", 2, 2_125), ("b", 3, 2_250)]
    room.leave("ben", "1")
    assert [visitor for visitor, _, _ in room.outlook(SHUT)] == ["a", "b"]


def told(*looks: tuple[float, int]) -> list[tuple[float, int]]:
    """Of looks at (second, position), those that were told."""
    frames: list[ServerFrame] = []
    row = TurnRow(turn_id="turn", user_id="asha", conversation_id="conversation", version=1, attempt=3)
    notices, heard = Notices(lambda user, frame: frames.append(frame), row), []
    for now, position in looks:
        before = len(frames)
        notices.tell(position, 100, "rate_limited", now)
        heard += [(now, position)] * (len(frames) - before)
    for frame in frames:
        assert isinstance(frame, Queued)
        assert (frame.attempt, frame.eta_ms, frame.reason) == (3, 100, "rate_limited")
    return heard


def test_a_waiting_user_is_told_at_once_and_then_at_most_once_a_second_when_something_changed() -> None:
    assert told((0, 5), (0.5, 4), (1, 4), (2, 4), (3, 3)) == [(0, 5), (1, 4), (3, 3)]


def test_far_behind_a_place_more_or_less_is_no_news() -> None:
    assert told((0, 200), (1, 199), (2, 181), (3, 180)) == [(0, 200), (3, 180)]


def test_a_waiting_user_is_never_left_without_a_word_for_a_minute() -> None:
    looks = [(float(second), 7) for second in range(200)]
    heard = [now for now, _ in told(*looks)]
    assert heard == [0, LONGEST_SILENCE_SECONDS, 2 * LONGEST_SILENCE_SECONDS, 3 * LONGEST_SILENCE_SECONDS]
