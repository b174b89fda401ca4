"""All turns that an edge knows: what is remembered, for how long, and what the store adds."""

import pytest

from schemas import codec
from schemas.frames import ServerFrame
from schemas.ids import new_id
from schemas.statuses import TurnStatus
from tests.edge_turns import Turn, answer_frames, reply
from ws_edge import turns_in_flight
from ws_edge.turn_in_flight import Verdict
from ws_edge.turns_in_flight import ENDED_SECONDS, OPEN_SECONDS, SILENT_SECONDS, Learned, Stored, TurnsInFlight


def apply(turns: TurnsInFlight, turn: Turn, *frames: ServerFrame, now: float = 0) -> Verdict:
    verdict = Verdict.DROP
    for frame in frames:
        verdict = turns.apply(turn.user_id, *reply(frame), now)
    return verdict


def ended(turns: TurnsInFlight, now: float = 0) -> Turn:
    turn = Turn()
    apply(turns, turn, *answer_frames(turn, 2), now=now)
    turns.let_go(turn.turn_id, now)
    return turn


def test_an_ended_turn_is_remembered_by_seq_and_status_and_its_frames_are_let_go() -> None:
    turns = TurnsInFlight()
    turn = ended(turns)
    remembered = turns.ended_turn(turn.turn_id)
    assert remembered is not None
    assert (remembered.status, remembered.seq) == (TurnStatus.COMPLETED, 1_000_003)
    assert turns.open_turn(turn.turn_id) is None
    assert turns.replay(turn.turn_id, 0) == []


def test_whatever_comes_after_the_end_is_dropped() -> None:
    turns = TurnsInFlight()
    turn = ended(turns)
    assert apply(turns, turn, turn.asked()) is Verdict.DROP
    assert apply(turns, turn, turn.queued()) is Verdict.DROP
    assert apply(turns, turn, turn.started()) is Verdict.DROP


def test_ended_turns_are_forgotten_after_a_while() -> None:
    turns = TurnsInFlight()
    turn = ended(turns, now=0)
    turns.forget(ENDED_SECONDS)
    assert turns.ended_turn(turn.turn_id) is not None
    turns.forget(ENDED_SECONDS + 1)
    assert turns.ended_turn(turn.turn_id) is None


def test_no_more_ended_turns_are_remembered_than_there_is_room_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns_in_flight, "MAX_ENDED", 3)
    turns = TurnsInFlight()
    made = [ended(turns) for _ in range(5)]
    turns.forget(now=0)
    assert [turns.ended_turn(turn.turn_id) is not None for turn in made] == [False, False, True, True, True]


def test_a_turn_silent_for_an_hour_is_forgotten() -> None:
    turns, turn = TurnsInFlight(), Turn()
    apply(turns, turn, turn.started(), now=0)
    turns.forget(OPEN_SECONDS + 1)
    assert turns.open_turn(turn.turn_id) is None
    assert turns.of_conversation(turn.user_id, turn.conversation_id) == []
    assert turns.open_count(turn.user_id) == 0


def test_a_turn_belongs_to_its_user_and_conversation() -> None:
    turns, turn = TurnsInFlight(), Turn()
    apply(turns, turn, turn.asked())
    assert [each.turn_id for each in turns.of_conversation(turn.user_id, turn.conversation_id)] == [turn.turn_id]
    assert turns.of_conversation(new_id(), turn.conversation_id) == []
    assert turns.open_here(new_id(), turn.conversation_id, turn.turn_id) is None
    assert turns.open_here(turn.user_id, new_id(), turn.turn_id) is None
    assert turns.open_count(turn.user_id) == 1


def test_queued_is_passed_on_and_makes_an_unknown_turn_known_but_not_shown() -> None:
    turns, turn = TurnsInFlight(), Turn()
    assert apply(turns, turn, turn.queued()) is Verdict.DELIVER
    assert turns.snapshot(turn.turn_id) is None
    assert apply(turns, turn, turn.asked()) is Verdict.DELIVER
    assert turns.snapshot(turn.turn_id) is not None


def test_an_unstarted_turn_that_nobody_named_for_a_while_is_due_once() -> None:
    turns, turn = TurnsInFlight(draw=lambda low, _: low), Turn()
    apply(turns, turn, turn.asked(), now=0)
    assert turns.due_asked(59) == []
    ((due, raw),) = turns.due_asked(60)
    assert (due.turn_id, raw) == (turn.turn_id, codec.encode(turn.asked()))
    assert turns.due_asked(61) == []
    assert len(turns.due_asked(120)) == 1


def test_hearing_asked_from_another_edge_puts_the_repeat_off() -> None:
    turns, turn = TurnsInFlight(draw=lambda low, _: low), Turn()
    apply(turns, turn, turn.asked(), now=0)
    assert apply(turns, turn, turn.asked(), now=50) is Verdict.DROP
    assert turns.due_asked(109) == []
    assert len(turns.due_asked(110)) == 1


def test_a_started_turn_is_never_announced_again() -> None:
    turns, turn = TurnsInFlight(draw=lambda low, _: low), Turn()
    apply(turns, turn, turn.asked(), turn.started(), now=0)
    assert turns.due_asked(1000) == []


def test_a_running_turn_that_fell_silent_needs_a_look_until_the_store_spoke() -> None:
    turns, turn = TurnsInFlight(), Turn()
    apply(turns, turn, turn.started(), now=0)
    known, later = turns.open_turn(turn.turn_id), SILENT_SECONDS + 1
    assert known is not None
    assert not turns.needs_a_look(known, SILENT_SECONDS)
    assert turns.needs_a_look(known, later)
    assert turns.silent(later) == [known]
    assert turns.learn(turn.turn_id, Stored(turn.row()), later) is Learned.NOTHING
    assert not turns.needs_a_look(known, later)


def test_the_store_may_know_an_open_turn_that_this_edge_never_met() -> None:
    turns, turn = TurnsInFlight(), Turn()
    turn.started()
    turn.delta("so far")
    assert turns.learn(turn.turn_id, Stored(turn.row(), turn.checkpoint()), now=0) is Learned.JOINED
    assert b"so far" in (turns.snapshot(turn.turn_id) or b"")
    assert apply(turns, turn, turn.delta(" on")) is Verdict.DELIVER


def test_the_store_may_know_that_a_turn_ended() -> None:
    turns, turn = TurnsInFlight(), Turn()
    *before, terminal = answer_frames(turn, 2)
    apply(turns, turn, *before)
    assert turns.learn(turn.turn_id, Stored(turn.ended_row(terminal)), now=0) is Learned.ENDED
    assert apply(turns, turn, terminal) is Verdict.DROP


def test_an_old_word_of_the_store_changes_nothing_of_a_turn_in_order() -> None:
    turns, turn = TurnsInFlight(), Turn()
    first = turn.started()
    early = Stored(turn.row(), turn.checkpoint())
    apply(turns, turn, first, turn.delta("one"))
    assert turns.learn(turn.turn_id, early, now=0) is Learned.NOTHING
    assert apply(turns, turn, turn.delta("two")) is Verdict.DELIVER


def test_an_old_word_of_the_store_does_not_open_an_ended_turn_again() -> None:
    turns = TurnsInFlight()
    turn = ended(turns)
    assert turns.learn(turn.turn_id, Stored(turn.row(), turn.checkpoint()), now=0) is Learned.STILL_A_HOLE
    assert turns.open_turn(turn.turn_id) is None


def test_a_hole_that_no_checkpoint_reaches_is_still_a_hole() -> None:
    turns, turn = TurnsInFlight(), Turn()
    turn.started()
    early = Stored(turn.row(), turn.checkpoint())
    turn.delta("lost")
    apply(turns, turn, turn.delta("held"))
    assert turns.learn(turn.turn_id, early, now=0) is Learned.STILL_A_HOLE
    assert turns.learn(turn.turn_id, Stored(turn.row()), now=0) is Learned.STILL_A_HOLE
    assert turns.learn(turn.turn_id, Stored(None), now=0) is Learned.STILL_A_HOLE
    assert turns.learn(turn.turn_id, Stored(turn.row(), turn.checkpoint()), now=0) is Learned.JOINED


def test_a_turn_that_nobody_knows_stays_unknown() -> None:
    turns, turn = TurnsInFlight(), Turn()
    assert turns.learn(turn.turn_id, Stored(None), now=0) is Learned.NOTHING
    assert turns.open_turn(turn.turn_id) is None
