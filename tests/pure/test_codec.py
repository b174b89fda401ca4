"""Bytes to words and back: what is unreadable, what is merely newer, and that nothing a client wrote is repeated."""

from contextlib import suppress

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import codec
from schemas.client_frames import Send, Watch
from schemas.control import ConversationDropped, ConversationLeaving, ConversationRenamed, StopAsked, TurnTaken
from schemas.frames import Delta, Pong, Queued
from schemas.headers import header, request_headers
from schemas.ids import new_id
from schemas.requests import VERSION, Ask, AskAgain, ChatRequest
from schemas.usage import UsageRecord

ASK = Ask(
    user_id="u",
    conversation_id="c",
    turn_id="t",
    request_id="r",
    text="Why? \U0001f600",
    model="fast",
    accepted_at="now",
)

ASK_AGAIN = AskAgain(**(msgspec.structs.asdict(ASK) | {"version": 2, "question_id": "q"}))

AN_ID = "0198c5f2-7b1e-7c3a-9d4e-5f60718293a4"


def with_fields(word: msgspec.Struct, **fields: object) -> bytes:
    return msgspec.json.encode(msgspec.json.decode(codec.encode(word)) | fields)


@pytest.mark.parametrize("request_", [ASK, ASK_AGAIN])
def test_a_request_comes_back_as_it_was(request_: ChatRequest) -> None:
    assert codec.decode_request(codec.encode(request_)) == request_


def test_unknown_fields_are_ignored() -> None:
    assert codec.decode_request(with_fields(ASK, colour="red")) == ASK
    assert codec.decode_turn_frame(with_fields(Delta(conversation_id="c", turn_id="t", seq=3, text="x"), new=1))


@pytest.mark.parametrize(
    "notice",
    [
        StopAsked(turn_id="t"),
        TurnTaken(turn_id="t", attempt=2),
        ConversationLeaving(user_id="u", conversation_id="c"),
        ConversationDropped(user_id="u", conversation_id="c"),
        ConversationRenamed(user_id="u", conversation_id="c", title="New"),
    ],
)
def test_notices_come_back_as_they_were(notice: msgspec.Struct) -> None:
    assert codec.decode_notice(codec.encode(notice)) == notice


def test_a_newer_version_is_not_poison() -> None:
    with pytest.raises(codec.NewerVersion):
        codec.decode_request(with_fields(ASK, version=VERSION + 1))
    with pytest.raises(codec.NewerVersion):
        codec.decode_request(msgspec.json.encode({"version": VERSION + 1, "entirely": "different"}))


def test_every_request_names_the_version_that_brought_its_kind() -> None:
    assert b'"version":1' in codec.encode(ASK)
    assert b'"version":2' in codec.encode(ASK_AGAIN)
    headers = [header(request_headers(request), "ce_type") for request in (ASK, ASK_AGAIN)]
    assert headers == ["samvad.chat.request.v1", "samvad.chat.request.v2"]


def test_a_worker_of_version_1_reads_questions_and_takes_a_repeated_one_for_newer_not_for_poison() -> None:
    version_1 = msgspec.json.Decoder(Ask)
    assert codec._decode_versioned(version_1, codec.encode(ASK), 1) == ASK
    with pytest.raises(codec.NewerVersion):
        codec._decode_versioned(version_1, codec.encode(ASK_AGAIN), 1)


def test_a_request_that_names_no_version_is_of_the_first() -> None:
    said = msgspec.json.decode(codec.encode(ASK))
    for absent in ("version", "parent_id", "on_busy"):
        del said[absent]
    assert codec.decode_request(msgspec.json.encode(said)) == ASK


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"not json",
        b"null",
        b"[]",
        b'{"type":"ask"}',
        b'{"type":"unheard of","version":1}',
        b'{"version":"2"}',
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"version":' + b"[" * 100_000,
        with_fields(ASK, text=3),
        with_fields(ASK, on_busy="argue"),
    ],
)
def test_what_is_no_request_is_unreadable(data: bytes) -> None:
    with pytest.raises(codec.Unreadable):
        codec.decode_request(data)


@given(st.binary(max_size=200))
def test_whatever_the_bytes_nothing_else_is_raised(data: bytes) -> None:
    for decode in (
        codec.decode_client_frame,
        codec.decode_server_frame,
        codec.decode_turn_frame,
        codec.decode_request,
        codec.decode_notice,
        codec.decode_usage,
    ):
        try:
            decode(data)
        except codec.CodecError:
            continue


@given(st.text(max_size=200))
def test_whatever_the_text_nothing_else_is_raised(data: str) -> None:
    with suppress(codec.Unreadable):
        codec.decode_client_frame(data)


@pytest.mark.parametrize(
    "said",
    [
        '{"type":"SECRET"}',
        '{"type":"send","request_id":"SECRET","conversation_id":"x","text":"SECRET"}',
        f'{{"type":"send","request_id":"{AN_ID}","conversation_id":"{AN_ID}","text":"x","on_busy":"SECRET"}}',
        f'{{"type":"send","request_id":"{AN_ID}","conversation_id":"{AN_ID}","text":"x","on_busy":"SECRET\'s"}}',
        f'{{"type":"watch","conversation_id":"{AN_ID}","after":{{"SECRET":1}}}}',
        '{"SECRET":',
        "SECRET",
    ],
)
def test_the_reason_never_repeats_what_a_client_wrote(said: str) -> None:
    with pytest.raises(codec.Unreadable) as unreadable:
        codec.decode_client_frame(said)
    assert "SECRET" not in str(unreadable.value)


def test_absent_optional_fields_are_left_out() -> None:
    assert codec.encode(Pong()) == b'{"type":"pong"}'
    assert b"kind" not in codec.encode(Delta(conversation_id="c", turn_id="t", seq=3, text="x"))


def test_kinds_are_the_type_on_the_wire() -> None:
    queued = Queued(conversation_id="c", turn_id="t", attempt=1, position=0, eta_ms=1, reason="workers_busy")
    assert codec.kind_of(queued) == "queued"
    assert b'"type":"queued"' in codec.encode(queued)


def test_a_watch_may_name_at_most_fifty_turns() -> None:
    def frame(count: int) -> bytes:
        after = {new_id(): n for n in range(count)}
        return msgspec.json.encode({"type": "watch", "conversation_id": new_id(), "after": after})

    assert isinstance(codec.decode_client_frame(frame(50)), Watch)
    with pytest.raises(codec.Unreadable):
        codec.decode_client_frame(frame(51))


def test_ids_of_clients_are_uuids_in_any_case_and_come_back_in_lower_case() -> None:
    request_id, conversation_id = new_id(), new_id()
    said = {"type": "send", "request_id": request_id.upper(), "conversation_id": conversation_id, "text": "hi"}
    frame = codec.decode_client_frame(msgspec.json.encode(said))
    assert isinstance(frame, Send)
    assert str(frame.request_id) == request_id


def test_a_usage_record_comes_back_as_it_was() -> None:
    record = UsageRecord(
        user_id="u",
        conversation_id="c",
        turn_id="t",
        attempt=2,
        model="fast",
        input_tokens=3,
        output_tokens=4,
        estimated=True,
        finished_at="now",
    )
    assert codec.decode_usage(codec.encode(record)) == record
