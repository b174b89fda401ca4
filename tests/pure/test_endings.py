"""What an ending makes of a turn's row, and what follows from the row: the same every time."""

from typing import get_args

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from consumers.context import estimate_tokens
from consumers.endings import (
    bills_of,
    finished_row,
    messages_of,
    moment_of_end,
    stopped_row,
    usage_by_attempt,
    usage_of,
    with_parent,
)
from consumers.legs import Legs
from consumers.llm.pieces import Piece
from consumers.outcomes import Completed, Ending, Failed, Stopped, status_of
from schemas import codec, frames
from schemas.errors import ErrorCode
from schemas.ids import seq_of
from schemas.parts import Usage, UserMessage
from schemas.statuses import TurnStatus
from store.rows import Checkpoint, TurnRow, released_row
from ws_edge.shown import shown_by_store

SAID = Usage(input_tokens=5, output_tokens=8, estimated=False)
ENDINGS = st.one_of(
    st.builds(Completed, st.sampled_from(["stop", "length"]), st.none() | st.just(SAID)),
    st.just(Stopped()),
    st.builds(Failed, st.sampled_from(ErrorCode)),
)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)


def a_claim(attempt: int = 1, **fields: object) -> TurnRow:
    row = TurnRow(
        turn_id="t",
        user_id="u",
        conversation_id="c",
        version=attempt,
        attempt=attempt,
        owner="w",
        nonce="n",
        first_claimed_at_ms=1_000,
        question=UserMessage("Why?", None, "q"),
        answer_id="a",
    )
    return msgspec.structs.replace(row, **fields)


def legs_of(input_tokens: int, text: str) -> Legs:
    legs = Legs(input_tokens)
    legs.add(Piece(text))
    return legs


def finished(ending: Ending, attempt: int = 1, text: str = "Because.", n: int = 3, **fields: object) -> TurnRow:
    row = a_claim(attempt, **fields)
    checkpoint = Checkpoint(attempt, seq_of(attempt, n), text, "smart")
    usage = usage_by_attempt(row, usage_of(ending, legs_of(9, text)), None, 9)
    return finished_row(row, ending, checkpoint, usage, finished_at_ms=2_000)


@given(ending=ENDINGS, attempt=st.integers(1, 6), text=TEXTS, n=st.integers(0, 999))
def test_the_terminal_frame_comes_right_after_the_last_one_and_its_bytes_are_kept(
    ending: Ending, attempt: int, text: str, n: int
) -> None:
    row = finished(ending, attempt, text, n)
    assert row.finish is not None
    frame = codec.decode_turn_frame(row.finish.terminal_frame)
    assert isinstance(frame, get_args(frames.TerminalFrame))
    assert frame.seq == row.finish.terminal_seq == seq_of(attempt, n) + 1
    assert (codec.kind_of(frame), row.finish.status) == (row.finish.terminal_kind, status_of(ending))
    assert (frame.turn_id, frame.conversation_id) == ("t", "c")
    assert row.finish.text == text


@given(ending=ENDINGS, attempt=st.integers(1, 6), text=TEXTS)
def test_what_follows_from_an_ended_row_is_the_same_every_time(ending: Ending, attempt: int, text: str) -> None:
    row = finished(ending, attempt, text)
    again = msgspec.json.decode(msgspec.json.encode(row), type=TurnRow)
    assert messages_of(again) == messages_of(row)
    assert bills_of(again) == bills_of(row)


@given(ending=ENDINGS)
def test_an_end_gives_the_claim_back_and_raises_the_version_by_one(ending: Ending) -> None:
    row = finished(ending, attempt=3, stop=True, releases=1)
    assert (row.version, row.attempt, row.owner, row.nonce, row.stop, row.releases) == (4, 3, None, "n", True, 1)
    assert row.is_ended


def test_the_two_messages_are_linked_and_the_answer_says_how_it_went() -> None:
    question, answer = messages_of(with_parent(finished(Failed(ErrorCode.PROVIDER_TIMEOUT)), "before"))
    assert (question.role, question.text, question.parent_id, question.created_at_ms) == (
        "user",
        "Why?",
        "before",
        1_000,
    )
    assert (answer.role, answer.text, answer.parent_id, answer.created_at_ms) == ("assistant", "Because.", "q", 2_000)
    assert (answer.status, answer.model, answer.turn_id) == (TurnStatus.FAILED, "smart", "t")
    assert (question.status, question.usage) == (None, None)


def test_the_providers_own_figures_are_billed_when_there_are_any() -> None:
    assert usage_of(Completed("stop", SAID), legs_of(100, "text")) == SAID


def test_without_them_the_bill_is_an_estimate_and_says_so() -> None:
    estimate, legs = Usage(100, estimate_tokens("text"), estimated=True), legs_of(100, "text")
    assert usage_of(Completed("stop", None), legs) == estimate
    assert usage_of(Stopped(), legs) == estimate
    assert usage_of(Failed(ErrorCode.PROVIDER_FAILED), legs) == estimate


def test_a_dead_attempt_is_billed_by_what_it_left_behind_and_only_once() -> None:
    earlier = Checkpoint(1, seq_of(1, 4), "half of it", "fast")
    usage = usage_by_attempt(a_claim(2), SAID, earlier, input_tokens=9)
    row = finished_row(a_claim(2), Completed("stop", SAID), Checkpoint(2, seq_of(2, 3), "all", "fast"), usage, 2_000)
    bills = bills_of(row)
    assert [(bill.attempt, bill.input_tokens, bill.output_tokens, bill.estimated) for bill in bills] == [
        (1, 9, estimate_tokens("half of it"), True),
        (2, 5, 8, False),
    ]
    # History shows what the whole turn cost, so that its sum is the sum of the bills.
    assert messages_of(row)[1].usage == Usage(9 + 5, estimate_tokens("half of it") + 8, estimated=True)
    assert row.finish is not None
    assert b'"usage":{"input_tokens":14,"output_tokens":12,"estimated":true}' in row.finish.terminal_frame
    assert shown_by_store(row, None).usage == messages_of(row)[1].usage


@given(attempt=st.integers(1, 6), newest=st.integers(1, 6), known=st.sets(st.integers(1, 6)), ending=ENDINGS)
def test_every_attempt_has_one_bill_and_history_adds_up_to_them(
    attempt: int, newest: int, known: set[int], ending: Ending
) -> None:
    written = {number: Usage(number, number, estimated=False) for number in known if number < attempt}
    row, earlier = a_claim(attempt, usage_by_attempt=written), Checkpoint(newest, seq_of(newest, 4), "some", "fast")
    usage = usage_by_attempt(row, usage_of(ending, legs_of(9, "all of it")), earlier, 9)
    ended = finished_row(row, ending, Checkpoint(attempt, seq_of(attempt, 3), "all of it", "fast"), usage, 2_000)
    bills = bills_of(ended)
    assert [bill.attempt for bill in bills] == list(range(1, attempt + 1))
    assert all(ended.usage_by_attempt[number] == said for number, said in written.items())
    total = messages_of(ended)[1].usage
    assert total is not None
    assert total.input_tokens == sum(bill.input_tokens for bill in bills)
    assert total.output_tokens == sum(bill.output_tokens for bill in bills)


def test_of_a_dead_attempt_without_a_checkpoint_its_input_is_billed_and_marked() -> None:
    newest = Checkpoint(2, seq_of(2, 4), "half", "fast")
    assert usage_by_attempt(a_claim(3), SAID, newest, 9) == {
        1: Usage(9, 0, estimated=True),
        2: Usage(9, estimate_tokens("half"), estimated=True),
        3: SAID,
    }


def test_a_checkpoint_of_this_very_attempt_is_no_second_bill() -> None:
    own = Checkpoint(2, seq_of(2, 4), "half", "fast")
    assert usage_by_attempt(a_claim(2), SAID, own, 9) == {1: Usage(9, 0, estimated=True), 2: SAID}


def test_an_attempt_that_was_given_back_keeps_the_bill_that_it_wrote() -> None:
    first = released_row(a_claim(1), Usage(9, 3, estimated=True))
    assert released_row(first, SAID).usage_by_attempt == first.usage_by_attempt == {1: Usage(9, 3, estimated=True)}
    assert released_row(a_claim(1)).usage_by_attempt == {}


def test_the_first_bill_of_an_attempt_wins() -> None:
    first = Usage(1, 1, estimated=True)
    row = a_claim(2, usage_by_attempt={1: first})
    usage = usage_by_attempt(row, SAID, Checkpoint(1, seq_of(1, 1), "later guess", "fast"), 9)
    ended = finished_row(row, Completed("stop", SAID), Checkpoint(2, seq_of(2, 1), "", "fast"), usage, 2_000)
    assert ended.usage_by_attempt == {1: first, 2: SAID}


@given(ending=ENDINGS, text=TEXTS)
def test_an_end_that_finds_a_stop_in_the_row_is_stored_as_stopped_with_the_same_text(ending: Ending, text: str) -> None:
    ended = finished_row(a_claim(), ending, Checkpoint(1, seq_of(1, 3), text, "fast"), {1: SAID}, 2_000)
    stopped = stopped_row(ended)
    assert ended.finish is not None and stopped.finish is not None
    if ended.finish.code is ErrorCode.CONVERSATION_DELETED:
        assert stopped.finish == ended.finish
        return
    as_stopped = finished_row(a_claim(), Stopped(), Checkpoint(1, seq_of(1, 3), text, "fast"), {1: SAID}, 2_000)
    assert stopped == msgspec.structs.replace(as_stopped, stop=True)


def test_an_answer_ends_later_than_what_it_goes_on_from_also_where_another_clock_was_ahead() -> None:
    assert (moment_of_end(1_500, 2_000), moment_of_end(2_000, 2_000)) == (2_001, 2_001)
    assert (moment_of_end(9_000, 2_000), moment_of_end(1_500, 0)) == (9_000, 1_500)
