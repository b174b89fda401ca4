"""One open turn at the edge: verdicts, replays, snapshots, holes."""

import msgspec
import pytest

from schemas import codec
from schemas.frames import AnyTurnFrame, Snapshot
from schemas.ids import seq_of
from schemas.statuses import TurnStatus
from tests.edge_turns import Turn, answer_frames, reply
from ws_edge.shown import shown_by_store
from ws_edge.turn_in_flight import KEPT_BYTES, KEPT_FRAMES, TurnInFlight, Verdict


def flight(turn: Turn) -> TurnInFlight:
    return TurnInFlight(turn.user_id, turn.conversation_id, turn.turn_id, now=0)


def apply(known: TurnInFlight, *frames: AnyTurnFrame) -> Verdict:
    """Applies frames; the verdict on the last."""
    verdict = Verdict.DROP
    for frame in frames:
        address, raw = reply(frame)
        verdict = known.apply(address.kind, address.seq or 0, raw)
    return verdict


def snapshot_of(known: TurnInFlight) -> Snapshot:
    frame = codec.decode_turn_frame(known.snapshot())
    assert isinstance(frame, Snapshot)
    return frame


def test_frames_in_order_are_delivered() -> None:
    turn = Turn()
    known = flight(turn)
    for frame in (turn.asked(), *answer_frames(turn, 3)):
        assert apply(known, frame) is Verdict.DELIVER
    assert known.status is TurnStatus.COMPLETED


def test_a_repeated_frame_is_dropped() -> None:
    turn = Turn()
    known, first, second = flight(turn), turn.started(), turn.delta()
    apply(known, first, second)
    assert apply(known, first) is Verdict.DROP
    assert apply(known, second) is Verdict.DROP
    assert not known.doubted


def test_asked_after_started_is_dropped_and_raises_no_doubt() -> None:
    turn = Turn()
    known = flight(turn)
    apply(known, turn.started())
    assert apply(known, turn.asked()) is Verdict.DROP
    assert not known.doubted


def test_a_frame_of_a_lower_attempt_is_dropped_and_the_turn_is_doubted() -> None:
    turn = Turn()
    known = flight(turn)
    apply(known, turn.started())
    zombie = turn.delta("old")
    apply(known, turn.started())
    assert apply(known, zombie) is Verdict.DROP
    assert known.doubted


def test_a_higher_attempt_is_entered_by_started_alone() -> None:
    turn = Turn()
    known = flight(turn)
    apply(known, turn.started(), turn.delta("first"))
    turn.started()
    assert apply(known, turn.delta("second")) is Verdict.HOLE


def test_a_new_attempt_shows_nothing_of_the_old_one() -> None:
    turn = Turn()
    known = flight(turn)
    apply(known, turn.started(), turn.delta("first"), turn.started(), turn.delta("second"))
    assert snapshot_of(known).text == "second"


def test_a_missing_frame_is_a_hole_until_the_next_attempt() -> None:
    turn = Turn()
    known = flight(turn)
    apply(known, turn.started())
    turn.delta("lost")
    assert apply(known, turn.delta("held")) is Verdict.HOLE
    assert apply(known, turn.delta("held too")) is Verdict.HOLE
    assert apply(known, turn.started()) is Verdict.DELIVER


def test_a_turn_first_met_in_the_middle_is_a_hole() -> None:
    turn = Turn()
    turn.started()
    assert apply(flight(turn), turn.delta()) is Verdict.HOLE


def test_a_checkpoint_and_the_frames_held_since_join_up() -> None:
    turn = Turn()
    known = flight(turn)
    turn.started()
    turn.delta("one ")
    apply(known, turn.delta("two "))
    checkpoint = turn.checkpoint()
    apply(known, turn.delta("three "), turn.delta("four "))
    assert known.join(shown_by_store(turn.row(), checkpoint))
    assert snapshot_of(known).text == "one two three four "
    assert apply(known, turn.delta("five")) is Verdict.DELIVER


def test_a_checkpoint_that_touches_the_first_held_frame_is_enough() -> None:
    turn = Turn()
    known = flight(turn)
    turn.started()
    turn.delta("one ")
    checkpoint = turn.checkpoint()
    apply(known, turn.delta("two "))
    assert known.join(shown_by_store(turn.row(), checkpoint))
    assert snapshot_of(known).text == "one two "


def test_a_checkpoint_from_before_the_hole_is_not_enough() -> None:
    turn = Turn()
    known = flight(turn)
    turn.started()
    checkpoint = turn.checkpoint()
    turn.delta("lost")
    apply(known, turn.delta("held"))
    assert not known.join(shown_by_store(turn.row(), checkpoint))
    assert not known.is_joined


def test_a_second_hole_starts_the_holding_anew() -> None:
    turn = Turn()
    known = flight(turn)
    turn.started()
    turn.delta("one ")
    early = turn.checkpoint()
    apply(known, turn.delta("two "))
    turn.delta("three ")
    apply(known, turn.delta("four "))
    assert not known.join(shown_by_store(turn.row(), early))
    assert known.join(shown_by_store(turn.row(), turn.checkpoint()))
    assert snapshot_of(known).text == "one two three four "


def test_frames_that_a_checkpoint_has_already_are_dropped_when_they_come() -> None:
    turn = Turn()
    known = flight(turn)
    turn.started()
    late = turn.delta("one ")
    known.join(shown_by_store(turn.row(), turn.checkpoint()))
    assert apply(known, late) is Verdict.DROP
    assert apply(known, turn.delta("two ")) is Verdict.DELIVER
    assert snapshot_of(known).text == "one two "


def test_a_claimed_turn_without_a_checkpoint_waits_for_its_started() -> None:
    turn = Turn(attempt=1)
    known = flight(turn)
    assert known.join(shown_by_store(turn.row(), None))
    assert (snapshot_of(known).seq, snapshot_of(known).status) == (0, TurnStatus.RUNNING)
    turn.attempt = 0
    assert apply(known, turn.started()) is Verdict.DELIVER


@pytest.mark.parametrize("seen", [0, 1, 2, 3])
def test_a_replay_has_exactly_the_frames_above_the_cursor(seen: int) -> None:
    turn = Turn()
    known = flight(turn)
    frames = [turn.started(), turn.delta("a"), turn.delta("b"), turn.delta("c")]
    apply(known, *frames)
    assert known.replay(seq_of(1, seen)) == [codec.encode(frame) for frame in frames[seen + 1 :]]


@pytest.mark.parametrize("cursor", [0, seq_of(1, 0), seq_of(1, 77)])
def test_a_client_of_a_lower_attempt_gets_the_whole_new_one(cursor: int) -> None:
    turn = Turn(attempt=1)
    known = flight(turn)
    frames = [turn.started(), turn.delta("a")]
    apply(known, *frames)
    assert known.replay(cursor) == [codec.encode(frame) for frame in frames]


def test_a_client_that_is_ahead_gets_nothing() -> None:
    turn = Turn()
    known = flight(turn)
    apply(known, turn.started(), turn.delta("a"))
    assert known.replay(seq_of(1, 1)) == known.replay(seq_of(1, 9)) == known.replay(seq_of(2, 0)) == []


def test_a_long_turn_is_kept_as_text_and_the_newest_frames() -> None:
    turn = Turn()
    known = flight(turn)
    apply(known, turn.started(), *(turn.delta(f"{n} ") for n in range(10 * KEPT_FRAMES)))
    assert len(known.replay(known.last_seq - 10)) == 10
    (only,) = known.replay(seq_of(1, 5))
    assert msgspec.json.decode(only)["text"] == turn.text


def test_large_frames_are_let_go_of_by_bytes() -> None:
    turn = Turn()
    known = flight(turn)
    apply(known, turn.started(), *(turn.delta("x" * (KEPT_BYTES // 4)) for _ in range(16)))
    assert sum(len(raw) for raw in known.replay(known.last_seq - 3)) <= 2 * KEPT_BYTES
    assert snapshot_of(known).text == turn.text


def test_a_held_turn_never_joins_an_old_checkpoint_after_it_let_frames_go() -> None:
    turn = Turn()
    known = flight(turn)
    turn.started()
    turn.delta("one ")
    early = turn.checkpoint()
    apply(known, *(turn.delta(f"{n} ") for n in range(2 * KEPT_FRAMES)))
    assert not known.join(shown_by_store(turn.row(), early))
    assert known.join(shown_by_store(turn.row(), turn.checkpoint()))
    assert snapshot_of(known).text == turn.text


def test_a_snapshot_cuts_at_code_points_and_leaves_reasoning_out() -> None:
    turn = Turn()
    known = flight(turn)
    apply(known, turn.started(), turn.reasoning("let me think"), turn.delta("नमस्ते 👋 dear"), turn.switched(keep=8))
    apply(known, turn.delta("!"))
    assert snapshot_of(known).text == "नमस्ते 👋"[:8] + "!"
    assert snapshot_of(known).model == "smart"


def test_a_snapshot_through_an_earlier_frame_shows_what_was_there_then() -> None:
    turn = Turn()
    known = flight(turn)
    apply(known, turn.started(), turn.delta("one "), turn.delta("two "), turn.switched(keep=0))
    frame = codec.decode_turn_frame(known.snapshot(through=seq_of(1, 2)))
    assert isinstance(frame, Snapshot)
    assert (frame.seq, frame.text) == (seq_of(1, 2), "one two ")


def test_the_snapshot_of_an_ended_turn_says_how_it_ended() -> None:
    turn = Turn()
    known = flight(turn)
    apply(known, turn.started(), turn.delta("one"), turn.failed())
    frame = snapshot_of(known)
    assert (frame.status, frame.text, frame.code) == (TurnStatus.FAILED, "one", "provider_failed")


def test_a_frame_of_a_newer_kind_counts_and_is_passed_on() -> None:
    turn = Turn()
    known = flight(turn)
    apply(known, turn.started(), turn.delta("one"))
    assert known.apply("sparkle", seq_of(1, 2), b'{"type":"sparkle"}') is Verdict.DELIVER
    turn.n += 1
    assert apply(known, turn.delta(" two")) is Verdict.DELIVER
    assert snapshot_of(known).text == "one two"


def test_asked_is_repeated_only_while_nobody_started() -> None:
    turn = Turn()
    known = flight(turn)
    apply(known, turn.asked())
    assert known.asked_frame() == codec.encode(turn.asked())
    apply(known, turn.started())
    assert known.asked_frame() is None
