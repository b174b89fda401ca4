"""The client rule: examples of every sentence of it, and one property over whatever a network can do."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from samvad_client.conversation_view import ConversationView
from samvad_client.reducer import Applied, apply
from samvad_client.turn_view import TurnView
from schemas.errors import ErrorCode
from schemas.frames import AnyTurnFrame, Completed, Delta, Failed, Queued, Started, Stopped, Switched
from schemas.ids import new_id, seq_of
from schemas.statuses import TurnStatus
from tests.turn_frames import (
    CONVERSATION,
    QUESTION,
    REQUEST,
    TURN,
    USAGE,
    asked,
    completed,
    delta,
    failed,
    queued,
    reasoning,
    snapshot,
    started,
    stopped,
    switched,
)


def view_after(*frames: AnyTurnFrame | Queued) -> TurnView:
    view = TurnView(conversation_id=CONVERSATION, turn_id=TURN)
    for frame in frames:
        apply(view, frame)
    return view


def test_an_answer_is_its_deltas_in_order() -> None:
    view = view_after(asked(), started(), delta(1, "Hel"), delta(2, "lo"), completed(3))
    assert (view.answer, view.status, view.question) == ("Hello", TurnStatus.COMPLETED, QUESTION)
    assert (view.model, view.usage, view.request_id, view.attempt) == ("fast", USAGE, REQUEST, 1)


def test_asked_shows_the_question_before_anything_started() -> None:
    view = view_after(asked())
    assert (view.question, view.status, view.seq) == (QUESTION, TurnStatus.QUEUED, 0)


def test_a_repeated_frame_is_dropped() -> None:
    view = view_after(started(), delta(1, "a"))
    assert apply(view, delta(1, "a")) is Applied.DROPPED
    assert apply(view, started()) is Applied.DROPPED
    assert view.answer == "a"


def test_a_snapshot_replaces_and_may_equal_the_last_frame() -> None:
    view = view_after(started(), delta(1, "wrong"), reasoning(2, "hm"))
    assert apply(view, snapshot(seq_of(1, 2), "right")) is Applied.APPLIED
    assert (view.answer, view.reasoning) == ("right", "")
    assert apply(view, delta(3, "!")) is Applied.APPLIED
    assert view.answer == "right!"


def test_an_older_snapshot_is_dropped_unless_it_says_that_the_turn_ended() -> None:
    view = view_after(started(), delta(1, "a"), delta(2, "b"))
    assert apply(view, snapshot(seq_of(1, 1), "a")) is Applied.DROPPED
    assert apply(view, snapshot(seq_of(1, 1), "whole", TurnStatus.STOPPED)) is Applied.APPLIED
    assert (view.answer, view.has_ended) == ("whole", True)


def test_a_failed_snapshot_carries_its_codes_sentence() -> None:
    frame = snapshot(seq_of(1, 1), "a", TurnStatus.FAILED)
    view = view_after(msgspec.structs.replace(frame, code=ErrorCode.PROVIDER_BUSY))
    assert (view.code, view.failure) == (ErrorCode.PROVIDER_BUSY, ErrorCode.PROVIDER_BUSY.text)


def test_a_higher_attempt_is_entered_by_started_and_empties_the_answer() -> None:
    view = view_after(started(), delta(1, "old"), reasoning(2, "old"), switched(3, 1))
    assert apply(view, started(2)) is Applied.APPLIED
    assert (view.answer, view.reasoning, view.switches, view.attempt) == ("", "", [], 2)


def test_a_higher_attempt_is_entered_by_a_snapshot() -> None:
    view = view_after(started(), delta(1, "old"))
    assert apply(view, snapshot(seq_of(3, 7), "new")) is Applied.APPLIED
    assert apply(view, delta(8, "!", attempt=3)) is Applied.APPLIED
    assert view.answer == "new!"


def test_a_higher_attempt_is_not_entered_by_a_delta_or_an_end() -> None:
    assert apply(view_after(started()), delta(0, "x", attempt=2)) is Applied.HOLE
    assert apply(view_after(started()), completed(1, attempt=2)) is Applied.HOLE


def test_a_lower_attempt_is_dropped() -> None:
    view = view_after(started(2), delta(1, "new", attempt=2))
    assert apply(view, delta(9, "zombie", attempt=1)) is Applied.DROPPED
    assert apply(view, completed(10, attempt=1)) is Applied.DROPPED
    assert (view.answer, view.has_ended) == ("new", False)


def test_a_hole_is_reported_once_and_holds_the_turn_until_a_snapshot() -> None:
    view = view_after(started(), delta(1, "a"))
    assert apply(view, delta(3, "c")) is Applied.HOLE
    assert apply(view, delta(4, "d")) is Applied.DROPPED
    assert view.answer == "a"
    assert apply(view, snapshot(seq_of(1, 4), "abcd")) is Applied.APPLIED
    assert apply(view, delta(5, "e")) is Applied.APPLIED
    assert (view.answer, view.is_held) == ("abcde", False)


def test_a_hole_is_closed_by_the_missing_frame_itself() -> None:
    view = view_after(started(), delta(1, "a"))
    assert apply(view, delta(3, "c")) is Applied.HOLE
    # The snapshot of an edge that reads an old checkpoint, and what it sends above it.
    assert apply(view, snapshot(seq_of(1, 0), "")) is Applied.DROPPED
    assert [apply(view, delta(n, "abc"[n - 1])) for n in (1, 2, 3)] == [
        Applied.DROPPED,
        Applied.APPLIED,
        Applied.APPLIED,
    ]
    assert apply(view, delta(5, "e")) is Applied.HOLE, "a new hole is reported again"


def test_a_turn_first_seen_in_its_middle_shows_a_hole() -> None:
    assert apply(view_after(), delta(5, "e")) is Applied.HOLE
    assert apply(view_after(asked()), delta(1, "a")) is Applied.HOLE


def test_switched_cuts_the_answer_by_code_points_and_goes_on() -> None:
    view = view_after(started(), delta(1, "a😀b"), reasoning(2, "thinking"), delta(3, "cd"), switched(4, 2))
    assert (view.answer, view.reasoning, view.model) == ("a😀", "thinking", "smart")
    apply(view, delta(5, "!"))
    assert view.answer == "a😀!"
    assert [switch.to_model for switch in view.switches] == ["smart"]


def test_reasoning_is_kept_apart_from_the_answer() -> None:
    view = view_after(started(), reasoning(1, "hm"), delta(2, "Yes"), reasoning(3, "m"))
    assert (view.answer, view.reasoning) == ("Yes", "hmm")


def test_queued_is_shown_until_something_moves() -> None:
    waiting = view_after(asked(), queued())
    assert waiting.waiting is not None
    assert (waiting.waiting.position, waiting.status) == (2, TurnStatus.QUEUED)
    moving = view_after(asked(), queued(), started())
    assert (moving.waiting, moving.status) == (None, TurnStatus.RUNNING)


def test_queued_is_ignored_after_a_higher_attempt_and_after_the_end() -> None:
    view = view_after(started(2))
    assert apply(view, queued(attempt=1)) is Applied.DROPPED
    assert apply(view, queued(attempt=2)) is Applied.APPLIED
    ended = view_after(started(), completed(1))
    assert apply(ended, queued(attempt=5)) is Applied.DROPPED
    assert ended.status is TurnStatus.COMPLETED


def test_an_ended_turn_accepts_nothing_more() -> None:
    late: list[AnyTurnFrame] = [
        delta(3, "x"),
        started(2),
        stopped(3),
        failed(3),
        snapshot(seq_of(9, 9), "x", TurnStatus.FAILED),
    ]
    view = view_after(started(), delta(1, "a"), completed(2))
    assert {apply(view, frame) for frame in late} == {Applied.DROPPED}
    assert (view.answer, view.status) == ("a", TurnStatus.COMPLETED)


def test_a_failed_turn_keeps_its_partial_text() -> None:
    view = view_after(started(), delta(1, "par"), failed(2))
    assert (view.answer, view.status, view.code) == ("par", TurnStatus.FAILED, ErrorCode.PROVIDER_FAILED)
    assert view.failure == ErrorCode.PROVIDER_FAILED.text


def test_every_change_has_a_new_version_and_a_drop_has_none() -> None:
    view = view_after(started())
    before = view.version
    apply(view, delta(1, "a"))
    changed = view.version
    apply(view, delta(1, "a"))
    assert before < changed == view.version


def test_twenty_thousand_deltas_cost_no_more_than_their_number() -> None:
    def seconds_for(count: int) -> float:
        view, frames = view_after(started()), [delta(n, "word ") for n in range(1, count + 1)]
        began = time.process_time()
        for frame in frames:
            apply(view, frame)
        assert len(view.answer) == 5 * count
        return time.process_time() - began

    seconds_for(1000)
    small, large = min(seconds_for(2000) for _ in range(3)), seconds_for(20_000)
    assert large < 40 * small


def test_a_conversation_merges_a_request_with_frames_that_came_before_accepted() -> None:
    conversation = ConversationView(CONVERSATION)
    conversation.expect(REQUEST, QUESTION, "fast")
    conversation.apply(snapshot(seq_of(1, 3), "so far"))
    assert len(conversation.turns) == 2
    turn = conversation.bind(REQUEST, TURN)
    assert conversation.turns == [turn] == [conversation.turn_of(REQUEST)]
    assert (turn.answer, turn.question) == ("so far", QUESTION)


def test_a_conversation_merges_a_request_by_asked_and_by_started() -> None:
    for first in (asked(), started()):
        conversation = ConversationView(CONVERSATION)
        mine = conversation.expect(REQUEST, QUESTION, "fast")
        conversation.apply(first)
        assert conversation.turns == [mine]
        assert mine.turn_id == TURN


def test_cursors_leave_out_ended_turns_and_those_with_a_hole() -> None:
    conversation = ConversationView(CONVERSATION)
    conversation.apply(started())
    conversation.apply(delta(1, "a"))
    assert conversation.cursors() == {TURN: seq_of(1, 1)}
    conversation.apply(delta(3, "c"))
    assert conversation.cursors() == {}
    conversation.apply(snapshot(seq_of(1, 3), "abc"))
    conversation.apply(completed(4))
    assert conversation.cursors() == {}


def test_an_accepted_request_of_which_nothing_came_resumes_from_zero() -> None:
    conversation = ConversationView(CONVERSATION)
    conversation.expect(REQUEST, QUESTION, "fast")
    assert conversation.cursors() == {}
    conversation.bind(REQUEST, TURN)
    assert conversation.cursors() == {TURN: 0}


def test_at_most_fifty_turns_are_resumed_by_name() -> None:
    conversation = ConversationView(CONVERSATION)
    for _ in range(60):
        conversation.bind(new_id(), new_id())
    assert len(conversation.cursors()) == 50


# The property: an edge that repeats, skips, resumes and snapshots at will, and a client that follows the rule.

TEXT = st.text(alphabet="ab \n*😀é", min_size=1, max_size=4)
OPERATION = st.one_of(
    st.tuples(st.just("delta"), TEXT),
    st.tuples(st.just("reasoning"), TEXT),
    st.tuples(st.just("switched"), st.integers(0, 12)),
)
ATTEMPTS = st.lists(st.lists(OPERATION, max_size=8), min_size=1, max_size=3)
ENDS: dict[str, Callable[[int, int], AnyTurnFrame]] = {"completed": completed, "stopped": stopped, "failed": failed}


@st.composite
def valid_streams(draw: st.DrawFn) -> list[AnyTurnFrame]:
    """A whole turn as the reply topic carries it: dense numbers, attempts that may break off, one end."""
    frames: list[AnyTurnFrame] = [asked()]
    attempts = draw(ATTEMPTS)
    for attempt, operations in enumerate(attempts, start=1):
        frames.append(started(attempt))
        frames += [_frame(kind, value, n, attempt) for n, (kind, value) in enumerate(operations, start=1)]
    end = ENDS[draw(st.sampled_from(sorted(ENDS)))]
    return [*frames, end(len(attempts[-1]) + 1, len(attempts))]


def _frame(kind: str, value: str | int, n: int, attempt: int) -> AnyTurnFrame:
    if isinstance(value, int):
        return switched(n, value, attempt)
    return delta(n, value, attempt) if kind == "delta" else reasoning(n, value, attempt)


def text_of(frames: list[AnyTurnFrame]) -> str:
    """The answer after these frames, computed the simplest way."""
    text = ""
    for frame in frames:
        if isinstance(frame, Started):
            text = ""
        elif isinstance(frame, Delta) and frame.kind is None:
            text += frame.text
        elif isinstance(frame, Switched):
            text = text[: frame.keep]
    return text


@dataclass
class FaultyEdge:
    """Knows the stream up to `live` and answers watches; `truth` is the whole turn."""

    truth: list[AnyTurnFrame]
    conversation: ConversationView
    live: int = 0

    def arrive(self, count: int) -> None:
        for _ in range(min(count, len(self.truth) - self.live)):
            self.live += 1
            self.deliver(self.truth[self.live - 1])

    def deliver(self, frame: AnyTurnFrame) -> None:
        applied = self.conversation.apply(frame)
        self.check()
        if applied is Applied.HOLE:
            self.resume(at=self.live, by_snapshot=True)

    def check(self) -> None:
        turn = self.conversation.turn(TURN)
        assert turn is not None
        applied = [frame for frame in self.truth if frame.seq <= turn.seq]
        assert turn.answer == text_of(applied), "what is shown is the stream up to the last applied frame"

    def resume(self, *, at: int, by_snapshot: bool) -> None:
        """Answers `watch`: what is missing, or a snapshot of the stream up to `at` and what is above it."""
        cursor = self.conversation.cursors().get(TURN)
        if cursor is not None and not by_snapshot:
            missing = [frame for frame in self.truth[: self.live] if frame.seq > cursor]
        else:
            missing = [self.snapshot_of(at), *self.truth[at : self.live]] if at else []
        for frame in missing:
            self.deliver(frame)

    def snapshot_of(self, at: int) -> AnyTurnFrame:
        last = self.truth[at - 1]
        ends: dict[type, TurnStatus] = {
            Completed: TurnStatus.COMPLETED,
            Stopped: TurnStatus.STOPPED,
            Failed: TurnStatus.FAILED,
        }
        return snapshot(last.seq, text_of(self.truth[:at]), ends.get(type(last), TurnStatus.RUNNING))


FAULT = st.sampled_from(["skip", "repeat", "resume", "snapshot", "lose_connection"])
# Each step: so many frames arrive well, then something happens, somewhere (as a share of what there is so far).
STEPS = st.lists(st.tuples(st.integers(0, 4), FAULT, st.floats(0, 1)), max_size=12)


@settings(max_examples=300)
@given(valid_streams(), STEPS)
def test_whatever_a_network_does_a_resume_ends_in_exactly_the_text(
    truth: list[AnyTurnFrame], steps: list[tuple[int, str, float]]
) -> None:
    edge = FaultyEdge(truth, ConversationView(CONVERSATION))
    for arriving, fault, where in steps:
        edge.arrive(arriving)
        suffer(edge, fault, round(where * edge.live))
    edge.live = len(truth)
    edge.resume(at=len(truth), by_snapshot=False)
    turn = edge.conversation.turn(TURN)
    assert turn is not None
    assert turn.answer == text_of(truth)
    assert turn.status.value == type(truth[-1]).__name__.lower()


def suffer(edge: FaultyEdge, fault: str, where: int) -> None:
    match fault:
        case "skip":
            edge.live = min(len(edge.truth), edge.live + 1)
        case "repeat":
            for frame in edge.truth[where : edge.live]:
                edge.deliver(frame)
        case "resume":
            edge.resume(at=where, by_snapshot=False)
        case "snapshot":
            edge.resume(at=where, by_snapshot=True)
        case "lose_connection":
            edge.live = min(len(edge.truth), edge.live + where)
            edge.resume(at=edge.live, by_snapshot=False)
