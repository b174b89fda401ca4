"""Ids, frame numbers, partitions and headers: how records find their place."""

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from producers.reply_producer import address_of
from producers.request_producer import request_record
from schemas.clock import rfc3339
from schemas.errors import ErrorCode
from schemas.frames import ConversationChanged, Delta, Queued
from schemas.headers import ReplyAddress, UnreadableHeaders, header, read_reply_headers, reply_headers
from schemas.ids import attempt_of, n_of, new_message_id, seq_of, turn_id_of, user_id_of
from schemas.requests import Ask
from schemas.topics import MANIFEST, partition_of, request_key

NAMES = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)


@given(attempt=st.integers(0, 1_000), n=st.integers(0, 999_999))
def test_a_frame_number_is_attempt_and_place(attempt: int, n: int) -> None:
    assert (attempt_of(seq_of(attempt, n)), n_of(seq_of(attempt, n))) == (attempt, n)


def test_a_later_attempts_first_frame_is_above_all_of_an_earlier_one() -> None:
    assert seq_of(2, 0) > seq_of(1, 999_999)


def test_the_same_request_always_names_the_same_turn_and_another_one_does_not() -> None:
    turn = turn_id_of("u", "c", "r")
    assert turn == turn_id_of("u", "c", "r") == str(uuid.UUID(turn))
    assert len({turn, turn_id_of("v", "c", "r"), turn_id_of("u", "d", "r"), turn_id_of("u", "c", "s")}) == 4


def test_a_user_is_issuer_and_subject() -> None:
    assert user_id_of("dev", "asha") == user_id_of("dev", "asha") != user_id_of("other", "asha")


def test_message_ids_sort_by_the_time_they_were_minted() -> None:
    ids = [new_message_id() for _ in range(1_000)]
    assert ids == sorted(ids)
    assert {uuid.UUID(message_id).version for message_id in ids} == {7}


# Fixed for ever: a change would send a conversation's turns to two partitions during an upgrade.
@pytest.mark.parametrize(("key", "partition"), [("", 0), ("asha", 10), ("user/conversation", 15), ("नमस्ते", 3)])
def test_partitions_of_keys_never_change(key: str, partition: int) -> None:
    assert partition_of(key, 24) == partition


@given(key=NAMES, count=st.integers(1, 100))
def test_a_partition_is_one_of_the_topics(key: str, count: int) -> None:
    assert 0 <= partition_of(key, count) < count


def test_topics_are_named_once() -> None:
    assert len({topic.name for topic in MANIFEST}) == len(MANIFEST)


@given(
    address=st.builds(ReplyAddress, NAMES, NAMES, turn_id=st.none() | NAMES, seq=st.none() | st.integers(0, 2**64 - 1))
)
def test_a_replys_address_comes_back_as_it_was(address: ReplyAddress) -> None:
    assert read_reply_headers(reply_headers(address)) == address


@pytest.mark.parametrize(
    "headers", [[], [("k", b"delta")], [("c", b"x")], [("k", b"\xff"), ("c", b"x")], [("k", None)]]
)
def test_a_reply_without_an_address_is_unreadable(headers: list[tuple[str, bytes]]) -> None:
    with pytest.raises(UnreadableHeaders):
        read_reply_headers(headers)


def test_every_kind_of_frame_carries_its_own_address() -> None:
    delta = Delta(conversation_id="c", turn_id="t", seq=1_000_001, text="x")
    queued = Queued(conversation_id="c", turn_id="t", attempt=1, position=0, eta_ms=5, reason="busy")
    changed = ConversationChanged("c", None, "now")
    assert address_of(delta) == ReplyAddress("delta", "c", "t", 1_000_001)
    assert address_of(queued) == ReplyAddress("queued", "c", "t", None)
    assert address_of(changed) == ReplyAddress("conversation", "c", None, None)


def test_a_request_record_is_a_cloud_event_keyed_by_its_conversation() -> None:
    ask = Ask(
        user_id="u",
        conversation_id="c",
        turn_id="t",
        request_id="r",
        text="Why?",
        model="fast",
        accepted_at="2026-01-01",
    )
    record = request_record(ask, "00-parent-01")
    assert (record.topic, record.key) == ("chat.requests", request_key("u", "c"))
    found = {name: header(record.headers, name) for name, _ in record.headers}
    assert found["ce_specversion"] == "1.0"
    assert found["ce_id"] == found["turn"] == "t"
    assert (found["ce_time"], found["user"], found["conversation"]) == ("2026-01-01", "u", "c")
    assert (found["content-type"], found["traceparent"]) == ("application/json", "00-parent-01")
    assert {"ce_source", "ce_type"} < found.keys()
    assert b"Why?" not in b"".join(value for _, value in record.headers)


def test_a_request_without_a_trace_has_no_traceparent() -> None:
    ask = Ask(user_id="u", conversation_id="c", turn_id="t", request_id="r", text="", model="m", accepted_at="now")
    assert header(request_record(ask, None).headers, "traceparent") is None


def test_times_are_written_in_utc_with_milliseconds() -> None:
    assert rfc3339(0) == "1970-01-01T00:00:00.000Z"
    assert rfc3339(1_772_366_400_250) == "2026-03-01T12:00:00.250Z"


@pytest.mark.parametrize("code", list(ErrorCode))
def test_every_error_has_a_sentence_that_ends(code: ErrorCode) -> None:
    assert code.text.endswith(".")
    assert isinstance(code.temporary, bool)
