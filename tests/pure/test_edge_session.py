"""One session's protocol state: what each message of a client leads to."""

import uuid

import pytest

from schemas import codec
from schemas.client_frames import Hello, Ping, Unwatch
from schemas.errors import CloseCode, ErrorCode
from schemas.frames import ErrorFrame, Pong, Ready
from ws_edge.closing import Close, SignInEnd, not_signed_in
from ws_edge.session import CheckToken, Do, Effect, Say, Session
from ws_edge.settings import EdgeSettings
from ws_edge.sign_in import Identity

HELLO = codec.encode(Hello("token")).decode()
IDENTITY = Identity("asha", expires_at=1_770_000_000)


def signed_in(settings: EdgeSettings | None = None) -> Session:
    session = Session(settings or EdgeSettings(), now=0)
    session.signed_in(IDENTITY)
    return session


def error_of(effects: list[Effect]) -> ErrorFrame:
    (effect,) = effects
    assert isinstance(effect, Say)
    assert isinstance(effect.frame, ErrorFrame)
    return effect.frame


def test_hello_has_its_token_checked_and_is_answered_by_ready() -> None:
    session = Session(EdgeSettings(heartbeat_seconds=7), now=0)
    assert session.take(HELLO, 0) == [CheckToken("token")]
    (said,) = session.signed_in(IDENTITY)
    assert isinstance(said, Say)
    assert isinstance(said.frame, Ready)
    assert (said.frame.user_id, said.frame.heartbeat_seconds) == ("asha", 7)
    assert said.frame.expires_at == "2026-02-02T02:40:00.000Z"
    assert said.frame.limits["max_frame_bytes"] == 65536


@pytest.mark.parametrize("message", ['{"type":"ping"}', "not json", '{"type":"nonsense"}', ""])
def test_anything_but_hello_first_closes_4401(message: str) -> None:
    assert Session(EdgeSettings(), now=0).take(message, 0) == [not_signed_in(SignInEnd.HELLO_EXPECTED)]


@pytest.mark.parametrize("why", SignInEnd)
def test_whatever_ends_a_sign_in_closes_with_4401_and_counts_as_one_thing(why: SignInEnd) -> None:
    close = not_signed_in(why)
    assert (close.code, close.name, close.reason) == (4401, "not_authenticated", why.value)


def test_binary_closes_1003() -> None:
    assert signed_in().take(b"{}", 0) == [Close(CloseCode.NO_BINARY)]


def test_a_good_frame_is_carried_out() -> None:
    session = signed_in()
    frame = Unwatch(conversation_id=uuid.uuid4())
    assert session.take(codec.encode(frame).decode(), 0) == [Do(frame)]


def test_ping_is_answered_by_pong_with_its_nonce() -> None:
    assert signed_in().take(codec.encode(Ping("n1")).decode(), 0) == [Say(Pong("n1"))]


def test_a_second_hello_of_the_same_user_renews_and_of_another_user_closes() -> None:
    session = signed_in()
    assert isinstance(session.signed_in(IDENTITY)[0], Say)
    assert session.signed_in(Identity("ravi", 1_770_000_000)) == [not_signed_in(SignInEnd.OTHER_USER)]


def test_the_third_bad_frame_in_a_row_closes_4400() -> None:
    session = signed_in()
    assert len(session.take("one", 0)) == len(session.take("two", 0)) == 1
    said, close = session.take("three", 0)
    assert isinstance(said, Say)
    assert close == Close(CloseCode.NOT_THE_PROTOCOL)


def test_a_good_frame_between_bad_ones_begins_the_count_anew() -> None:
    session = signed_in()
    for _ in range(3):
        assert len(session.take("bad", 0)) == len(session.take("bad", 0)) == 1
        session.take('{"type":"ping"}', 0)


@pytest.mark.parametrize(
    ("message", "code", "request_id", "frame_type"),
    [
        ("not json", ErrorCode.BAD_FRAME, None, None),
        ("[]", ErrorCode.BAD_FRAME, None, None),
        ('{"type":"dance"}', ErrorCode.UNKNOWN_FRAME_TYPE, None, "dance"),
        ('{"type":"' + "x" * 100 + '"}', ErrorCode.UNKNOWN_FRAME_TYPE, None, None),
        ('{"type":"send","request_id":"r1"}', ErrorCode.BAD_FRAME, "r1", "send"),
        ('{"type":"send","request_id":7}', ErrorCode.BAD_FRAME, None, None),
        ('{"type":"watch","conversation_id":"no uuid"}', ErrorCode.BAD_FRAME, None, "watch"),
        ('{"type":"ping","nonce":NaN}', ErrorCode.BAD_FRAME, None, None),
        ('{"type":"ping","nonce":"\\ud800"}', ErrorCode.BAD_FRAME, None, None),
        ('{"type":"ping","nonce":"\ud800"}', ErrorCode.BAD_FRAME, None, None),
        ('{"type":"ping","nonce":"' + "n" * 300 + '"}', ErrorCode.BAD_FRAME, None, "ping"),
        ("[" * 10_000, ErrorCode.BAD_FRAME, None, None),
        ('{"x":' * 10_000, ErrorCode.BAD_FRAME, None, None),
    ],
)
def test_a_bad_frame_gets_an_error_that_names_what_it_can_be_matched_to(
    message: str, code: ErrorCode, request_id: str | None, frame_type: str | None
) -> None:
    error = error_of(signed_in().take(message, 0))
    assert (error.code, error.request_id, error.frame_type) == (code, request_id, frame_type)
    codec.encode(error)


def test_too_many_frames_close_4429() -> None:
    session = signed_in(EdgeSettings(frames_per_second=10, frame_burst=5))
    ping = '{"type":"ping"}'
    assert all(isinstance(session.take(ping, 0)[0], Say) for _ in range(5))
    assert session.take(ping, 0) == [Close(CloseCode.TOO_MANY_FRAMES)]
    assert isinstance(session.take(ping, 0.1)[0], Say)


def test_every_session_has_an_id_of_its_own() -> None:
    assert signed_in().session_id != signed_in().session_id
