"""100,000 frames gone wrong: the session answers each with a typed error or with what a right frame leads to."""

import logging
from collections import Counter

import pytest

from schemas import codec
from schemas.errors import CloseCode, ErrorCode
from schemas.frames import ErrorFrame, Pong
from tests.client_frame_mutations import CANARY, mutations
from ws_edge.closing import Close, SignInEnd, not_signed_in
from ws_edge.session import CheckToken, Do, Effect, Say, Session
from ws_edge.settings import EdgeSettings
from ws_edge.sign_in import Identity

FRAMES = 100_000
SEED = 6455


@pytest.mark.timeout(180)  # about 4 s of CPU
def test_no_frame_makes_a_session_do_anything_but_what_the_protocol_says(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    session = Session(EdgeSettings(frames_per_second=1e9, frame_burst=10**9), now=0)
    session.signed_in(Identity("asha", 1e9))
    seen: Counter[str] = Counter()
    for text in mutations(SEED, FRAMES):
        seen.update(kind_of(effect) for effect in session.take(text, 1.0))
    assert seen.total() >= FRAMES
    assert set(seen) == {"bad_frame", "unknown_frame_type", "pong", "CheckToken", "not_the_protocol"} | {
        f"do {kind}" for kind in ("Send", "Regenerate", "Stop", "Watch", "Unwatch")
    }
    assert min(seen.values()) > 100, seen  # the generator reaches every answer
    assert caplog.records == []


MAX_TEXT = 160


def kind_of(effect: Effect) -> str:
    """Raises for what is on no list; a frame that is said can be encoded, and tells nothing of the text."""
    match effect:
        case Say(ErrorFrame(code=code) as error):
            assert CANARY not in codec.encode(error).decode().replace(f'"frame_type":"{CANARY}"', "").replace(
                f'"request_id":"{CANARY}"', ""
            )
            assert error.temporary == ErrorCode(code).temporary
            assert error.text.startswith(ErrorCode(code).text.partition(".")[0])
            assert len(error.text) < MAX_TEXT
            return code.value
        case Say(Pong() as pong):
            codec.encode(pong)
            return "pong"
        case Close(code=CloseCode.NOT_THE_PROTOCOL):
            return "not_the_protocol"
        case CheckToken():
            return "CheckToken"
        case Do(frame):
            return f"do {type(frame).__name__}"
        case _:
            raise AssertionError(effect)


def test_before_hello_no_frame_gets_anything_but_a_look_at_its_token() -> None:
    settings = EdgeSettings()
    for text in mutations(SEED + 1, 2_000):
        (effect,) = Session(settings, now=0).take(text, 0.0)
        assert effect == not_signed_in(SignInEnd.HELLO_EXPECTED) or isinstance(effect, CheckToken)
