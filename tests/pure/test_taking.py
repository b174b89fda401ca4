"""A record becomes a request, or poison whose headers may still name the turn to end (K20)."""

from dataclasses import dataclass

import msgspec
import pytest

from consumers.taking import Poison, TakenRequest, read_record, source_of
from producers.request_producer import request_record
from schemas import codec
from schemas.headers import Headers
from schemas.ids import new_id
from schemas.requests import VERSION, Ask

ASK = Ask(
    user_id=new_id(),
    conversation_id=new_id(),
    turn_id=new_id(),
    request_id=new_id(),
    text="Why?",
    model="fast",
    accepted_at="2026-01-01T00:00:00Z",
)
HEADERS = request_record(ASK, "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01").headers


@dataclass
class Record:
    """As much of a Kafka record as is used."""

    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = tuple(HEADERS)
    key: bytes | None = b"key"
    topic: str = "chat.requests"
    partition: int = 3
    offset: int = 77
    timestamp: int = 1_772_366_400_250


def with_headers(**changes: bytes | None) -> tuple[tuple[str, bytes], ...]:
    changed: Headers = [(name, changes.get(name, value)) for name, value in HEADERS]  # type: ignore[misc]
    return tuple((name, value) for name, value in changed if value is not None)


def test_a_request_is_taken_with_its_trace_and_time() -> None:
    taken = read_record(Record(codec.encode(ASK)))
    assert isinstance(taken, TakenRequest)
    assert (taken.request, taken.unreadable) == (ASK, False)
    assert taken.traceparent == dict(HEADERS)["traceparent"].decode()
    assert taken.produced_at_ms == 1_772_366_400_250


@pytest.mark.parametrize("value", [None, b"", b"garbage", b"{}", b"\xff" * 9])
def test_an_unreadable_record_still_names_the_turn_to_end(value: bytes | None) -> None:
    poison = read_record(Record(value))
    assert isinstance(poison, Poison)
    assert poison.reason
    assert poison.turn is not None
    assert poison.turn.unreadable
    request = poison.turn.request
    assert (request.user_id, request.conversation_id, request.turn_id) == (
        ASK.user_id,
        ASK.conversation_id,
        ASK.turn_id,
    )
    assert request.accepted_at == "2026-03-01T12:00:00.250Z"


@pytest.mark.parametrize("name", ["user", "conversation", "turn"])
def test_without_all_three_ids_there_is_no_turn_to_end(name: str) -> None:
    poison = read_record(Record(b"garbage", with_headers(**{name: None})))
    assert isinstance(poison, Poison)
    assert poison.turn is None


@pytest.mark.parametrize("name", ["user", "conversation", "turn"])
def test_ids_that_are_no_ids_name_no_turn(name: str) -> None:
    # A store that keeps ids as UUIDs would refuse them for ever.
    poison = read_record(Record(b"garbage", with_headers(**{name: b"not-a-uuid"})))
    assert isinstance(poison, Poison)
    assert poison.turn is None


@pytest.mark.parametrize("field", ["user_id", "conversation_id", "turn_id"])
def test_a_request_whose_ids_are_no_ids_is_poison(field: str) -> None:
    poison = read_record(Record(codec.encode(msgspec.structs.replace(ASK, **{field: "not-a-uuid"}))))
    assert isinstance(poison, Poison)
    assert poison.turn is None


def test_a_newer_record_is_left_for_a_newer_program() -> None:
    newer = msgspec.json.encode(msgspec.json.decode(codec.encode(ASK)) | {"version": VERSION + 1})
    with pytest.raises(codec.NewerVersion):
        read_record(Record(newer))


def test_a_dead_letter_names_topic_partition_and_offset() -> None:
    assert source_of(Record(b"")) == "chat.requests/3/77"
