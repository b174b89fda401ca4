"""Signing in with a password, over real sockets: tokens that renew themselves, and all that is refused."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import jwt
import pytest
import pytest_asyncio

from schemas.ids import user_id_of
from tests.flow.rest_calls import assert_error
from tests.flow.running_edge import QUICK_HASHER, SECRET, Stage, stage
from tests.flow.signing_in import (
    PASSWORD,
    accounts_of,
    an_account,
    bearer,
    close_code_of_hello,
    said_hello,
    tokens_of,
    wish,
)
from ws_edge.signing_in.passwords import Passwords, TooManyAtOnce
from ws_edge.signing_in.settings import SignInSettings

pytestmark = pytest.mark.asyncio(loop_scope="module")

NAME = "asha"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def scene(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    async with stage(tmp_path_factory.mktemp("edge")) as running:
        await an_account(running, NAME)
        yield running


async def test_a_name_and_a_password_give_a_token_that_works_everywhere(scene: Stage) -> None:
    tokens = await tokens_of(scene, " ＡSHA ")
    assert tokens["user_id"] == user_id_of("local", "asha")
    async with scene.http(None) as http:
        who = (await http.get("/v1/session", headers=bearer(tokens["token"]))).json()
        assert (who["user_id"], who["role"]) == (tokens["user_id"], "user")
        assert (await http.get("/v1/conversations", headers=bearer(tokens["token"]))).status_code == 200
    person = await said_hello(scene, tokens["token"])
    assert person.user_id == tokens["user_id"]
    await person.socket.close()


async def test_a_wrong_name_and_a_wrong_password_are_answered_alike_and_cost_the_same_work(tmp_path: Path) -> None:
    passwords = CountingPasswords()
    async with stage(tmp_path, desk={"passwords": passwords}) as scene, scene.http(None) as http:
        user_id = await an_account(scene, NAME)
        await an_account(scene, "gone")
        await accounts_of(scene).disable(user_id_of("local", "gone"))
        answers = [
            await http.post("/v1/sign-in", json=each)
            for each in (
                wish(NAME, "wrong password"),
                wish("nobody"),
                wish(""),
                wish("gone"),
                wish("gone", "wrong too"),
            )
        ]
        for answer in answers:
            assert_error(answer, 401, "wrong_password")
        assert len({answer.text for answer in answers}) == 1
        assert [each is None for each in passwords.stored] == [False, True, True, False, False]
        assert (await http.post("/v1/sign-in", json=wish(NAME))).json()["user_id"] == user_id


class CountingPasswords(Passwords):
    """Remembers what was verified against: None costs as much as a real hash."""

    def __init__(self) -> None:
        super().__init__(QUICK_HASHER)
        self.stored: list[str | None] = []

    async def verify(self, password: str, stored: str | None) -> bool:
        self.stored.append(stored)
        return await super().verify(password, stored)


async def test_a_password_that_is_verified_against_nothing_takes_as_long_and_is_wrong() -> None:
    passwords = Passwords()
    stored = await passwords.hash(PASSWORD)
    assert await passwords.verify(PASSWORD, stored)
    assert not await passwords.verify("wrong", stored)
    seconds = []
    for each in (stored, None):
        began = time.process_time()
        assert not await passwords.verify("wrong", each)
        seconds.append(time.process_time() - began)
    assert seconds[1] > seconds[0] / 3


async def test_more_passwords_than_an_edge_takes_on_are_sent_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ws_edge.signing_in.passwords.MAX_WAITING", 2)
    passwords = Passwords()
    answers = await asyncio.gather(*(passwords.verify("x", None) for _ in range(3)), return_exceptions=True)
    assert [type(each) for each in answers] == [bool, bool, TooManyAtOnce]


async def test_after_too_many_wrong_passwords_the_right_one_has_to_wait_too(tmp_path: Path) -> None:
    settings = SignInSettings(sign_in_attempts=2, sign_in_attempt_seconds=30)
    async with stage(tmp_path, desk={"settings": settings}) as scene, scene.http(None) as http:
        await an_account(scene, NAME)
        for _ in range(2):
            assert_error(await http.post("/v1/sign-in", json=wish(NAME, "wrong password")), 401, "wrong_password")
        refused = await http.post("/v1/session", json=wish(NAME))
        assert_error(refused, 429, "too_many_sign_ins")
        assert 1 <= int(refused.headers["retry-after"]) <= 30
        scene.passes(31)
        assert (await http.post("/v1/session", json=wish(NAME))).status_code == 200


async def test_a_refresh_token_gives_the_next_two(scene: Stage) -> None:
    first = await tokens_of(scene, NAME)
    async with scene.http(None) as http:
        second = (await http.post("/v1/sign-in/refresh", json={"refresh_token": first["refresh_token"]})).json()
        assert second["user_id"] == first["user_id"]
        assert second["refresh_expires_at"] == first["refresh_expires_at"], "a sign-in does not outlive its days"
        assert (await http.get("/v1/session", headers=bearer(second["token"]))).status_code == 200
        third = await http.post("/v1/sign-in/refresh", json={"refresh_token": second["refresh_token"]})
        assert third.status_code == 200


async def test_an_old_refresh_token_ends_the_whole_sign_in_and_closes_its_sockets(scene: Stage) -> None:
    first = await tokens_of(scene, NAME)
    other = await said_hello(scene, (await tokens_of(scene, NAME))["token"])
    async with scene.http(None) as http:
        second = (await http.post("/v1/sign-in/refresh", json={"refresh_token": first["refresh_token"]})).json()
        person = await said_hello(scene, second["token"])
        scene.passes(SignInSettings().refresh_grace_seconds)
        assert_error(
            await http.post("/v1/sign-in/refresh", json={"refresh_token": first["refresh_token"]}),
            401,
            "not_authenticated",
        )
        assert await person.close_code() == 4401
        for tokens in (first, second):
            assert_error(await http.get("/v1/session", headers=bearer(tokens["token"])), 401, "not_authenticated")
        refused = await http.post("/v1/sign-in/refresh", json={"refresh_token": second["refresh_token"]})
        assert_error(refused, 401, "not_authenticated")
    await other.hears_nothing_more()
    await other.socket.close()


async def test_what_an_access_token_shows_opens_nothing_and_ends_nothing(scene: Stage) -> None:
    tokens = await tokens_of(scene, NAME)
    shown = jwt.decode(tokens["token"], options={"verify_signature": False})
    forged = [jwt.encode({**shown, "jti": "x", "aud": "samvad-refresh"}, b"k" * 32), shown["sid"], tokens["token"], "x"]
    async with scene.http(None) as http:
        for each in forged:
            refused = await http.post("/v1/sign-in/refresh", json={"refresh_token": each})
            assert_error(refused, 401, "not_authenticated")
        cookie = {"cookie": f"samvad-sign-in={shown['sid']}"}
        assert_error(await http.get("/v1/session", headers=cookie), 401, "not_authenticated")
        assert (await http.get("/v1/session", headers=bearer(tokens["token"]))).status_code == 200


def ours(**changes: object) -> dict[str, object]:
    now = int(time.time())
    claims = {"iss": "samvad", "aud": "samvad-access", "sub": user_id_of("local", NAME), "iat": now, "exp": now + 60}
    return {name: value for name, value in (claims | changes).items() if value is not None}


@pytest.mark.parametrize(
    "changes",
    [{"aud": "samvad"}, {"aud": "samvad-refresh"}, {"iss": "dev"}, {"iss": "https://id.example"}, {"exp": 1},
     {"exp": None}, {"sub": None}, {"sub": user_id_of("local", "ravi")}, {"sid": None}, {"sid": "0" * 64}, {"sid": 7}],
)  # fmt: skip
async def test_a_token_with_other_claims_is_not_taken_anywhere(scene: Stage, changes: dict[str, object]) -> None:
    genuine = jwt.decode((await tokens_of(scene, NAME))["token"], options={"verify_signature": False})
    token = jwt.encode(ours(**{"sid": genuine["sid"]} | changes), SECRET, algorithm="HS256")
    async with scene.http(None) as http:
        assert_error(await http.get("/v1/session", headers=bearer(token)), 401, "not_authenticated")
    assert await close_code_of_hello(scene, token) == 4401


@pytest.mark.parametrize("algorithm", ["none", "HS512"])
async def test_a_token_that_is_signed_otherwise_or_not_at_all_is_not_ours(scene: Stage, algorithm: str) -> None:
    genuine = jwt.decode((await tokens_of(scene, NAME))["token"], options={"verify_signature": False})
    token = jwt.encode(genuine, None if algorithm == "none" else SECRET * 2, algorithm=algorithm)
    async with scene.http(None) as http:
        assert_error(await http.get("/v1/session", headers=bearer(token)), 401, "not_authenticated")
    assert await close_code_of_hello(scene, token) == 4401


async def test_a_socket_ends_with_its_access_token_unless_another_hello_renews_it(tmp_path: Path) -> None:
    settings = SignInSettings(access_token_minutes=1.5 / 60)
    async with stage(tmp_path, desk={"settings": settings}) as scene:
        await an_account(scene, NAME)
        await an_account(scene, "ravi")
        tokens = await tokens_of(scene, NAME)
        brief, renewed = await said_hello(scene, tokens["token"]), await said_hello(scene, tokens["token"])
        await renewed.say(type="hello", token=scene.token("meera"))
        assert await renewed.close_code() == 4401, "a session never changes its user"
        assert await brief.close_code() == 4401


async def test_while_the_store_is_away_nobody_is_called_a_stranger(scene: Stage) -> None:
    tokens = await tokens_of(scene, NAME)
    person = await said_hello(scene, tokens["token"])
    scene.passes(6)
    scene.outage.set()
    try:
        async with scene.http(None) as http:
            for asked in (
                http.get("/v1/session", headers=bearer(tokens["token"])),
                http.post("/v1/sign-in", json=wish(NAME)),
                http.post("/v1/sign-in/refresh", json={"refresh_token": tokens["refresh_token"]}),
                http.post("/v1/sign-out", headers=bearer(tokens["token"])),
            ):
                assert_error(await asked, 503, "sign_in_unavailable")
        assert await close_code_of_hello(scene, tokens["token"]) == 1013
        await person.say(type="hello", token=tokens["token"])
        said = await person.hear("error")
        assert (said["code"], said["frame_type"], said["temporary"]) == ("sign_in_unavailable", "hello", True)
        await person.hears_nothing_more()
    finally:
        scene.outage.clear()
    await person.say(type="hello", token=tokens["token"])
    await person.hear("ready")
    await person.socket.close()


async def test_a_hello_and_a_send_back_to_back_are_both_served(scene: Stage) -> None:
    token = (await tokens_of(scene, NAME))["token"]
    async with scene.connected() as person:
        await person.say(type="hello", token=token)
        await person.say(type="ping", nonce="at once")
        await person.hear("ready")
        assert await person.hear() == {"type": "pong", "nonce": "at once"}


@pytest.mark.parametrize("query", ["token=x", "access_token=x", "ticket=x", "key=x", "api%5Fkey=x"])
async def test_a_secret_in_an_address_is_refused_and_not_written_down(
    scene: Stage, query: str, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    canary = f"{query}canary4711"
    async with scene.http() as http:
        assert_error(await http.get(f"/v1/conversations?limit=1&{canary}"), 400, "secret_in_url")
    import websockets

    with pytest.raises(websockets.InvalidStatus) as refused:
        async with websockets.connect(f"{scene.websocket_url}?{canary}", subprotocols=["samvad.v1"], proxy=None):  # type: ignore[list-item]
            pass
    assert refused.value.response.status_code == 400
    said = capfd.readouterr()
    assert "canary4711" not in caplog.text + said.out + said.err
