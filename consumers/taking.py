"""Step 3 of a message's life: a record becomes a request, or poison that is set aside (K20)."""

from dataclasses import dataclass
from typing import Protocol

from schemas import codec
from schemas.clock import rfc3339
from schemas.headers import TRACEPARENT, Headers, header
from schemas.ids import is_id
from schemas.requests import VERSION as REQUEST_VERSION
from schemas.requests import Ask, AskAgain, ChatRequest
from schemas.stored_records import StoredRecord


class ConsumedRecord(StoredRecord, Protocol):
    """A record of the requests, and its place in the log."""

    @property
    def topic(self) -> str: ...
    @property
    def partition(self) -> int: ...
    @property
    def offset(self) -> int: ...


@dataclass(frozen=True, slots=True)
class TakenRequest:
    """A request to answer. `unreadable`: its text could not be read; the headers name the turn, which must end.

    Where and when it was taken is told in the turn's trace; `polled_at_ms` is 0 where that is not known.
    """

    request: ChatRequest
    traceparent: str | None
    produced_at_ms: int
    unreadable: bool = False
    partition: int = 0
    offset: int = 0
    polled_at_ms: int = 0


@dataclass(frozen=True, slots=True)
class Poison:
    """A record that is no request; `turn` is the turn to end, if the headers name one."""

    reason: str
    turn: TakenRequest | None


def read_record(
    record: ConsumedRecord, polled_at_ms: int = 0, newest_version: int = REQUEST_VERSION
) -> TakenRequest | Poison:
    """Raises NewerVersion for a record that this program is too old for."""
    try:
        request = codec.decode_request(record.value or b"", newest_version)
    except codec.Unreadable as error:
        return Poison(str(error), _turn_in_headers(record, polled_at_ms))
    if not _are_ids(request.user_id, request.conversation_id, request.turn_id, *_question_ids(request)):
        return Poison("an id is no UUID", None)
    return _taken(record, request, polled_at_ms)


def _turn_in_headers(record: ConsumedRecord, polled_at_ms: int) -> TakenRequest | None:
    ids = [header(record.headers, name) or "" for name in ("user", "conversation", "turn")]
    if not _are_ids(*ids):
        return None
    user_id, conversation_id, turn_id = ids
    request = Ask(
        user_id=user_id,
        conversation_id=conversation_id,
        turn_id=turn_id,
        request_id="",
        text="",
        model="",
        accepted_at=rfc3339(record.timestamp),
    )
    return _taken(record, request, polled_at_ms, unreadable=True)


def _taken(record: ConsumedRecord, request: ChatRequest, polled_at_ms: int, unreadable: bool = False) -> TakenRequest:
    return TakenRequest(
        request=request,
        traceparent=header(record.headers, TRACEPARENT),
        produced_at_ms=record.timestamp,
        unreadable=unreadable,
        partition=record.partition,
        offset=record.offset,
        polled_at_ms=polled_at_ms,
    )


def _question_ids(request: ChatRequest) -> list[str]:
    return [request.question_id] if isinstance(request, AskAgain) else []


def _are_ids(*ids: str) -> bool:
    """A store that keeps ids as UUIDs would refuse anything else at every attempt, for ever."""
    return all(map(is_id, ids))


def source_of(record: ConsumedRecord) -> str:
    """Where a record came from, as dead letters name it."""
    return f"{record.topic}/{record.partition}/{record.offset}"


def headers_of(record: ConsumedRecord) -> Headers:
    return list(record.headers)
