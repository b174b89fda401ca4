"""Where Cassandra keeps a message and which of two writes wins: decided by what is written, never by its arrival."""

import uuid

from hypothesis import given
from hypothesis import strategies as st

from store.cassandra.buckets import (
    AHEAD_MS,
    CLOCKS_DIFFER_MS,
    FIRST,
    KNOWN_FOR_MS,
    MAX_MESSAGES,
    bucket_of,
    newest_first,
    next_bucket,
)
from store.cassandra.checkpoints import written_at as checkpoint_written_at
from store.cassandra.known import KnownBuckets
from store.cassandra.statements import Kind, Statement
from store.cassandra.timestamps import DELETED_AT, HOUR_MS, MARKED_AT, first_title_at, hour_of, left_at, written_at
from tests.contracts.rows import message_id

NOW_MS = 1_780_000_000_000
UNTIL_2096_MS = 4_000_000_000_000
MOMENTS = st.integers(1, 2**44)
ANNOUNCED = st.frozensets(MOMENTS, max_size=5)


def an_id(moment_ms: int) -> uuid.UUID:
    return uuid.UUID(message_id(moment_ms))


@given(announced=ANNOUNCED, older=MOMENTS, newer=MOMENTS)
def test_buckets_are_in_the_order_of_their_messages(announced: frozenset[int], older: int, newer: int) -> None:
    older, newer = sorted((older, newer))
    assert bucket_of(an_id(older), announced) <= bucket_of(an_id(newer), announced)


@given(announced=ANNOUNCED, moment=MOMENTS, before=MOMENTS)
def test_every_older_message_is_in_a_bucket_that_is_read(announced: frozenset[int], moment: int, before: int) -> None:
    read = newest_first(announced, an_id(before), NOW_MS)
    assert read == sorted(read, reverse=True)
    if moment < before:
        assert bucket_of(an_id(moment), announced) in read


@given(announced=ANNOUNCED, later=st.integers(1, KNOWN_FOR_MS))
def test_who_read_an_hour_ago_places_messages_like_who_announced_a_bucket_since(
    announced: frozenset[int], later: int
) -> None:
    start = next_bucket(MAX_MESSAGES, frozenset(one for one in announced if one < NOW_MS), NOW_MS)
    assert start == NOW_MS + AHEAD_MS
    a_message = an_id(NOW_MS + later)
    assert bucket_of(a_message, announced) == bucket_of(a_message, announced | {start})


def test_a_bucket_is_announced_once_and_only_when_the_newest_is_full() -> None:
    assert next_bucket(MAX_MESSAGES - 1, frozenset(), NOW_MS) is None
    assert next_bucket(MAX_MESSAGES, {NOW_MS + 1}, NOW_MS) is None
    assert next_bucket(MAX_MESSAGES, {NOW_MS - 1}, NOW_MS) is not None


def test_a_bucket_that_has_not_begun_is_not_read_for_the_newest_messages() -> None:
    begun, announced = NOW_MS + CLOCKS_DIFFER_MS, NOW_MS + AHEAD_MS
    assert newest_first({begun, announced}, None, NOW_MS) == [begun, FIRST]


def test_what_was_read_of_a_conversation_is_relied_on_for_an_hour() -> None:
    now_ms = NOW_MS
    known = KnownBuckets(lambda: now_ms)
    known.put(("u", "c"), frozenset({5}), NOW_MS)
    assert known.get(("u", "c")) == {5}
    now_ms += KNOWN_FOR_MS + 1
    assert known.get(("u", "c")) is None


def test_announcing_a_bucket_makes_what_was_read_no_younger() -> None:
    now_ms = NOW_MS
    known = KnownBuckets(lambda: now_ms)
    known.put(("u", "c"), frozenset({5}), NOW_MS)
    now_ms += KNOWN_FOR_MS
    known.add(("u", "c"), now_ms + AHEAD_MS)
    assert known.get(("u", "c")) == {5, now_ms + AHEAD_MS}
    now_ms += 1
    assert known.get(("u", "c")) is None


@given(earlier=MOMENTS, later=MOMENTS)
def test_the_later_touch_the_earlier_title_and_above_all_a_deletion_win(earlier: int, later: int) -> None:
    earlier, later = sorted((earlier, later))
    assert written_at(earlier) <= written_at(later) < DELETED_AT < MARKED_AT
    assert first_title_at(later) <= first_title_at(earlier) < written_at(earlier)


@given(moment=MOMENTS)
def test_leaving_an_hour_is_above_every_entry_of_it_and_below_every_later_one(moment: int) -> None:
    hour = hour_of(moment)
    assert written_at(moment) < left_at(hour) <= written_at((hour + 1) * HOUR_MS)


@given(
    now_ms=st.integers(0, UNTIL_2096_MS),
    ttl=st.sampled_from([1, 7 * 86400]),
    seqs=st.tuples(*[st.integers(0, 2**31 - 1)] * 2),
)
def test_a_checkpoint_of_a_higher_frame_wins_until_it_has_expired(now_ms: int, ttl: int, seqs: tuple[int, int]) -> None:
    lower, higher = sorted(seqs)
    assert checkpoint_written_at(lower, now_ms, ttl) <= checkpoint_written_at(higher, now_ms, ttl) < 2**63
    assert checkpoint_written_at(higher, now_ms, ttl) < checkpoint_written_at(lower, now_ms + 2 * ttl * 1000, ttl)


def test_a_statement_names_its_keyspace() -> None:
    statement = Statement("DELETE FROM messages USING TIMESTAMP ? WHERE user_id = ?", Kind.WRITE)
    assert statement.cql_in("k") == "DELETE FROM k.messages USING TIMESTAMP ? WHERE user_id = ?"
