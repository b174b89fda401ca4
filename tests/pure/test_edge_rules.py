"""The small rules of the edge: upgrades, readiness, lag, admission, cursors, rates, settings, sign-in."""

import base64
import json
import time
from typing import Any

import jwt
import pytest

from schemas.client_frames import Send
from schemas.errors import CloseCode, ErrorCode
from schemas.ids import new_id, user_id_of
from schemas.requests import Ask, ChatRequest
from tests.edge_turns import Turn, reply
from ws_edge.admission import names_message_in_flight, refusal_now, refusal_of_frame
from ws_edge.bucket import Bucket
from ws_edge.building import own_origins
from ws_edge.dev_sign_in import BadName, DevSignIn
from ws_edge.lag import Lag
from ws_edge.list_cursor import BadCursor, read_cursor, write_cursor
from ws_edge.loopback import is_loopback
from ws_edge.models_offered import OfferedModels
from ws_edge.readiness import Readiness
from ws_edge.settings import EdgeSettings
from ws_edge.sign_in import NotSignedIn
from ws_edge.turns_in_flight import TurnsInFlight
from ws_edge.upgrade import (
    FOREIGN_PAGE,
    NO_SUBPROTOCOL,
    NO_SUCH_PATH,
    SECRET_IN_URL,
    UpgradeRefusal,
    refusal_of_upgrade,
)

MODELS = OfferedModels("fast", {"fast": "Fast", "smart": "Smart"})
SECRET = b"s" * 32

AN_ID = "0198c5f2-7b1e-7c3a-9d4e-5f60718293a4"


def scope(origin: bytes | None = None, path: str = "/v1/ws", subprotocols: tuple[str, ...] = ("samvad.v1",)) -> Any:
    headers = [] if origin is None else [(b"origin", origin)]
    return {"path": path, "headers": headers, "subprotocols": list(subprotocols)}


@pytest.mark.parametrize(
    ("asked", "refusal"),
    [
        (scope(), None),
        (scope(b"https://chat.example"), None),
        (scope(subprotocols=("other", "samvad.v1")), None),
        (scope(b"https://evil.example"), FOREIGN_PAGE),
        (scope(b"https://chat.example.evil.example"), FOREIGN_PAGE),
        (scope(b"https://chat.example:444"), FOREIGN_PAGE),
        (scope(b"HTTPS://CHAT.EXAMPLE"), FOREIGN_PAGE),
        (scope(b"null"), FOREIGN_PAGE),
        (scope(b""), FOREIGN_PAGE),
        (scope(b"\xff"), FOREIGN_PAGE),
        (scope(subprotocols=()), NO_SUBPROTOCOL),
        (scope(subprotocols=("samvad.v2",)), NO_SUBPROTOCOL),
        (scope(path="/v1/other"), NO_SUCH_PATH),
    ],
)
def test_an_upgrade_needs_our_path_our_protocol_and_an_allowed_origin(
    asked: Any, refusal: UpgradeRefusal | None
) -> None:
    assert refusal_of_upgrade(asked, {"https://chat.example"}) == refusal


def test_an_upgrade_with_a_secret_in_its_address_is_refused_with_the_words_for_that() -> None:
    asked = {**scope(subprotocols=()), "query_string": b"token=abc"}
    assert refusal_of_upgrade(asked, ()) == SECRET_IN_URL


def test_one_of_two_origins_that_is_not_allowed_is_enough_to_refuse() -> None:
    asked = scope(b"https://chat.example")
    asked["headers"].append((b"origin", b"https://evil.example"))
    assert refusal_of_upgrade(asked, {"https://chat.example"}) == FOREIGN_PAGE


def test_on_loopback_the_edges_own_page_is_allowed_and_elsewhere_nothing_by_itself() -> None:
    assert "http://localhost:8000" in own_origins("127.0.0.1", 8000)
    assert own_origins("0.0.0.0", 8000) == frozenset()


def test_an_edge_is_ready_once_rebuilt_and_while_it_keeps_up() -> None:
    rebuilt, lag = [False], [0.0]
    readiness = Readiness(2, lambda: rebuilt[0], lambda: lag[0])
    assert readiness.reason_not_ready() is not None
    assert readiness.refusal_of_session(0) is CloseCode.OVERLOADED
    rebuilt[0] = True
    assert readiness.reason_not_ready() is None
    lag[0] = 10.1
    assert readiness.reason_not_ready() == "lagging behind the replies"
    assert readiness.refusal_of_session(1) is None
    assert readiness.refusal_of_session(2) is CloseCode.OVERLOADED
    readiness.is_draining = True
    assert readiness.refusal_of_session(0) is CloseCode.RESTART


def test_lag_is_the_age_of_the_oldest_end_that_is_not_reached() -> None:
    lag = Lag()
    lag.observe({"p0": 10, "p1": 5}, {"p0": 10, "p1": 3}, now=100)
    lag.observe({"p0": 20, "p1": 9}, {"p0": 15, "p1": 4}, now=102)
    assert lag.seconds(105) == 5
    lag.reached({"p1": 5})
    assert lag.seconds(105) == 3
    lag.observe({"p0": 30}, {"p0": 20, "p1": 9}, now=106)
    assert lag.seconds(110) == 4
    lag.reached({"p0": 30})
    assert lag.seconds(200) == 0


def test_while_the_broker_is_away_there_is_no_lag() -> None:
    lag = Lag()
    lag.observe({"p": 10}, {"p": 3}, now=100)
    lag.forget()
    assert lag.seconds(160) == 0
    lag.observe({"p": 20}, {"p": 3}, now=161)
    assert lag.seconds(165) == 4


def test_a_busy_reader_that_keeps_moving_has_no_growing_lag() -> None:
    lag = Lag()
    for second in range(100):
        lag.observe({"p": 1000 * (second + 1)}, {"p": 1000 * second}, now=second)
        assert lag.seconds(second) <= 1


def send(**fields: Any) -> Send:
    return Send(**({"request_id": new_id(), "conversation_id": new_id(), "text": "Why?"} | fields))


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        (send(), None),
        (send(model="smart"), None),
        (send(attachments=[]), None),
        (send(text=""), ErrorCode.EMPTY_TEXT),
        (send(text=" \n\t\u00a0"), ErrorCode.EMPTY_TEXT),
        (send(model="gpt-4o"), ErrorCode.UNKNOWN_MODEL),
        (send(model=""), ErrorCode.UNKNOWN_MODEL),
        (send(attachments=["a"]), ErrorCode.UNSUPPORTED),
    ],
)
def test_a_frame_is_refused_for_what_it_says(frame: Send, code: ErrorCode | None) -> None:
    assert refusal_of_frame(frame, MODELS) == code


def request(turn: Turn, **fields: Any) -> ChatRequest:
    known = {"user_id": turn.user_id, "conversation_id": turn.conversation_id, "turn_id": new_id()}
    rest = {"request_id": new_id(), "text": "And?", "model": "fast", "accepted_at": ""}
    return Ask(**(known | rest | fields))


def running(turn: Turn) -> TurnsInFlight:
    turns = TurnsInFlight()
    turns.apply(turn.user_id, *reply(turn.started()), now=0)
    return turns


def test_reject_means_not_while_a_turn_is_open() -> None:
    turn = Turn()
    turns = running(turn)
    assert refusal_now(request(turn, on_busy="reject"), turns, 10) is ErrorCode.CONVERSATION_BUSY
    assert refusal_now(request(turn), turns, 10) is None
    assert refusal_now(request(Turn(user_id=turn.user_id), on_busy="reject"), turns, 10) is None


def test_a_user_has_only_so_many_open_turns() -> None:
    turn = Turn()
    turns = running(turn)
    assert refusal_now(request(turn), turns, 1) is ErrorCode.OVERLOADED
    assert refusal_now(request(Turn()), turns, 1) is None


def test_the_answer_that_is_being_written_is_a_known_parent() -> None:
    turn = Turn()
    turns = running(turn)
    assert names_message_in_flight(request(turn, parent_id=turn.answer_id), turns)
    assert not names_message_in_flight(request(turn, parent_id=new_id()), turns)


def test_the_default_model_must_be_offered() -> None:
    with pytest.raises(ValueError, match="default"):
        OfferedModels("other", {"fast": "Fast"})


def test_a_cursor_of_the_list_comes_back_as_it_was() -> None:
    cursor = (1_770_000_000_123, new_id())
    assert read_cursor(write_cursor(cursor)) == cursor


@pytest.mark.parametrize("text", ["", "1", f"x.{AN_ID}", f"1.{AN_ID} ", "1.'; --", f"-1.{AN_ID}", f"९.{AN_ID}"])
def test_what_is_not_a_cursor_is_refused(text: str) -> None:
    with pytest.raises(BadCursor):
        read_cursor(text)


def test_a_bucket_fills_up_to_its_burst_and_no_further() -> None:
    bucket = Bucket(per_second=2, burst=3, now=0)
    assert [bucket.take(100) for _ in range(4)] == [True, True, True, False]
    assert [bucket.take(100.5), bucket.take(100.5)] == [True, False]


def test_origins_come_from_the_environment_as_a_list_with_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAMVAD_ALLOWED_ORIGINS", "https://a.example, https://b.example,")
    monkeypatch.setenv("SAMVAD_PORT", "9000")
    assert EdgeSettings().allowed_origins == ("https://a.example", "https://b.example")
    assert EdgeSettings().port == 9000


async def test_a_development_token_says_who_it_is_until_it_expires() -> None:
    now = [1000.0]
    sign_in = DevSignIn(SECRET, session_hours=1, clock=lambda: now[0])
    token, identity = sign_in.sign_in("asha")
    assert await sign_in.check(token) == identity
    assert (identity.user_id, identity.expires_at) == (user_id_of("dev", "asha"), 4600)
    now[0] = 4600
    with pytest.raises(NotSignedIn):
        await sign_in.check(token)


@pytest.mark.parametrize("name", ["", " ", "a" * 65, "a\nb", "a\x00b", "\u202e", "\ud800"])
def test_a_name_is_1_to_64_printable_characters(name: str) -> None:
    with pytest.raises(BadName):
        DevSignIn(SECRET).sign_in(name)


@pytest.mark.parametrize("name", ["a", "आशा", "Asha K.", "a" * 64])
async def test_people_have_all_kinds_of_names(name: str) -> None:
    sign_in = DevSignIn(SECRET)
    token, identity = sign_in.sign_in(name)
    assert (await sign_in.check(token)).user_id == identity.user_id == user_id_of("dev", name)


def forged(**changes: Any) -> dict[str, Any]:
    claims = {"iss": "dev", "aud": "samvad", "sub": "asha", "exp": int(time.time()) + 100} | changes
    return {name: value for name, value in claims.items() if value is not None}


@pytest.mark.parametrize(
    "claims",
    [forged(iss="other"), forged(aud="other"), forged(exp=None), forged(sub=None), forged(iss=None), forged(aud=None),
     forged(exp=1), forged(exp="soon"), forged(sub=7)],
)  # fmt: skip
async def test_a_token_with_other_claims_is_not_ours(claims: dict[str, Any]) -> None:
    with pytest.raises(NotSignedIn):
        await DevSignIn(SECRET).check(jwt.encode(claims, SECRET, algorithm="HS256"))


def unsigned(header: str) -> str:
    return base64.urlsafe_b64encode(header.encode()).rstrip(b"=").decode() + ".e30."


@pytest.mark.parametrize(
    "token",
    [
        "",
        "x",
        "a.b.c",
        "\ud800",
        "é" * 100,
        "." * 60_000,
        unsigned('{"alg":"none"}'),
        unsigned("[" * 20_000),
        unsigned('{"a":' * 9_000),
        jwt.encode(forged(), b"t" * 32, algorithm="HS256"),
        jwt.encode(forged(), SECRET * 2, algorithm="HS512"),
        jwt.encode(forged(), None, algorithm="none"),
    ],
)
async def test_what_we_did_not_sign_is_not_a_token(token: str) -> None:
    with pytest.raises(NotSignedIn):
        await DevSignIn(SECRET).check(token)


def test_a_short_secret_is_refused() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        DevSignIn(b"short")


@pytest.mark.parametrize(
    ("host", "is_here"),
    [("localhost", True), ("127.0.0.1", True), ("127.9.9.9", True), ("::1", True), ("0.0.0.0", False),
     ("10.0.0.1", False), ("evil.example", False), ("127.0.0.1.evil.example", False), ("", False)],
)  # fmt: skip
def test_loopback_is_loopback_only(host: str, is_here: bool) -> None:
    assert is_loopback(host) is is_here


def test_json_of_a_rest_error_is_the_documented_shape() -> None:
    from ws_edge.rest_errors import response

    body = json.loads(bytes(response(404, ErrorCode.NOT_FOUND).body))
    assert body == {"error": {"code": "not_found", "text": ErrorCode.NOT_FOUND.text, "temporary": False}}


def test_the_development_sign_in_is_there_on_loopback_and_elsewhere_only_when_it_was_asked_for() -> None:
    assert EdgeSettings(host="127.0.0.1").has_dev_sign_in
    assert not EdgeSettings(host="0.0.0.0").has_dev_sign_in
    assert EdgeSettings(host="0.0.0.0", dev_sign_in=True).has_dev_sign_in


def test_the_development_sign_in_is_gone_on_loopback_too_once_a_page_of_another_machine_may_connect() -> None:
    behind_a_proxy = EdgeSettings(host="127.0.0.1", allowed_origins=("https://chat.example.org",))
    assert not behind_a_proxy.has_dev_sign_in
    assert EdgeSettings(host="127.0.0.1", allowed_origins=("http://localhost:5173",)).has_dev_sign_in


def test_the_development_sign_in_is_refused_beside_a_page_of_another_machine() -> None:
    here = ("http://127.0.0.1:8000", "http://localhost:8000", "http://[::1]:8000")
    assert EdgeSettings(dev_sign_in=True, allowed_origins=here).dev_sign_in
    with pytest.raises(ValueError, match=r"anybody could be anybody.*https://chat.example.org"):
        EdgeSettings(dev_sign_in=True, allowed_origins=(*here, "https://chat.example.org"))
