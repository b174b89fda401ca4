"""Signing in with a browser, over real sockets: the cookie, the websocket that needs no hello, and foreign pages."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
import websockets

from schemas.ids import new_id
from tests.flow.rest_calls import assert_error, converse
from tests.flow.running_edge import Stage, stage
from tests.flow.signing_in import COOKIE, an_account, bearer, browser, cookie_of, said_hello, tokens_of, wish

pytestmark = pytest.mark.asyncio(loop_scope="module")

PAGE = "https://chat.example.org"
FOREIGN = [
    "null",
    "https://evil.example",
    "https://sub.chat.example.org",
    "https://chat.example.org.evil.example",
    "http://chat.example.org",
]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def scene(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    folder = tmp_path_factory.mktemp("edge")
    async with stage(folder, allowed_origins=PAGE, hello_seconds=1) as running:
        for name in ("asha", "ravi"):
            await an_account(running, name)
        yield running


async def test_a_browser_keeps_a_cookie_that_no_script_reads_and_the_edge_keeps_its_hash(scene: Stage) -> None:
    async with browser(scene) as http:
        signed_in = await http.post("/v1/session", json=wish("asha"))
        set_cookie = signed_in.headers["set-cookie"]
        assert "HttpOnly; SameSite=Lax" in set_cookie
        assert "Path=/" in set_cookie
        assert (await http.get("/v1/session")).json() == signed_in.json()
        assert (await http.get("/v1/conversations")).status_code == 200
        assert http.cookies[COOKIE] not in signed_in.text


async def test_behind_tls_the_cookie_is_secure_and_of_this_host(scene: Stage) -> None:
    async with browser(scene, host="chat.example.org", origin=PAGE) as http:
        signed_in = await http.post("/v1/session", json=wish("asha"))
        assert signed_in.headers["set-cookie"].startswith("__Host-samvad-sign-in=")
        assert signed_in.headers["set-cookie"].endswith("; Secure")
        secret = signed_in.headers["set-cookie"].partition(";")[0].partition("=")[2]
        tossed = await http.get("/v1/session", headers={"cookie": f"{COOKIE}={secret}"})
        assert_error(tossed, 401, "not_authenticated")


async def test_with_a_cookie_from_our_own_page_a_socket_is_ready_without_hello(scene: Stage) -> None:
    async with browser(scene, "asha") as http:
        user_id = (await http.get("/v1/session")).json()["user_id"]
        headers = cookie_of(http)
        for origin in (PAGE, scene.running.address):
            async with scene.connected(additional_headers=headers, origin=origin) as person:
                assert (await person.hear("ready"))["user_id"] == user_id
                await person.say(type="hello", token=(await tokens_of(scene, "asha"))["token"])
                assert (await person.hear("ready"))["user_id"] == user_id
        async with scene.connected(additional_headers=headers, origin=PAGE) as person:
            await person.hear("ready")
            await person.say(type="hello", token=(await tokens_of(scene, "ravi"))["token"])
            assert await person.close_code() == 4401


async def test_a_cookie_without_an_origin_opens_nothing(scene: Stage) -> None:
    async with browser(scene, "asha") as http, scene.connected(additional_headers=cookie_of(http)) as person:
        await person.say(type="ping")
        assert await person.close_code() == 4401


@pytest.mark.parametrize("origin", FOREIGN)
async def test_a_foreign_page_gets_no_socket_whatever_cookie_comes_along(scene: Stage, origin: str) -> None:
    async with browser(scene, "asha") as http:
        with pytest.raises(websockets.InvalidStatus) as refused:
            async with scene.connected(additional_headers=cookie_of(http), origin=origin):
                pass
        assert refused.value.response.status_code == 403


@pytest.mark.parametrize("cookie", ["", "x", "é", "a" * 5000, "=;=;", f"{COOKIE}", f"{COOKIE}=x; {COOKIE}=y"])
async def test_a_bad_cookie_is_as_none_and_a_hello_still_opens(scene: Stage, cookie: str) -> None:
    headers = {"cookie": f"{COOKIE}={cookie}" if COOKIE not in cookie else cookie}
    token = (await tokens_of(scene, "asha"))["token"]
    async with scene.connected(additional_headers=headers, origin=PAGE) as person:
        await person.say(type="hello", token=token)
        await person.hear("ready")


async def test_a_bad_cookie_without_a_hello_closes_4401(scene: Stage) -> None:
    async with scene.connected(additional_headers={"cookie": f"{COOKIE}=x"}, origin=PAGE) as person:
        assert await person.close_code() == 4401


async def test_while_the_store_is_away_a_cookie_is_told_to_come_back_later(scene: Stage) -> None:
    async with browser(scene, "asha") as http:
        scene.outage.set()
        try:
            async with scene.connected(additional_headers=cookie_of(http), origin=PAGE) as person:
                assert await person.close_code() == 1013
            assert_error(await http.delete("/v1/session"), 503, "sign_in_unavailable")
        finally:
            scene.outage.clear()
        assert (await http.get("/v1/session")).status_code == 200


@pytest.mark.parametrize("origin", [None, *FOREIGN])
async def test_what_a_foreign_page_sends_with_the_cookie_changes_nothing(scene: Stage, origin: str | None) -> None:
    async with browser(scene, "asha") as http:
        user_id = (await http.get("/v1/session")).json()["user_id"]
        conversation_id = new_id()
        await scene.store.conversations.touch(
            user_id, conversation_id, leaf=new_id(), updated_at_ms=1, title_if_none="kept"
        )
        headers = cookie_of(http) | ({} if origin is None else {"origin": origin, "sec-fetch-site": "cross-site"})
    async with scene.http(None) as foreign:
        path = f"/v1/conversations/{conversation_id}"
        for method, path_, body in (
            ("PATCH", path, {"title": "Mine"}),
            ("DELETE", path, None),
            ("POST", "/v1/ws-tickets", None),
            ("POST", "/v1/api-keys", {"name": "mine"}),
            ("POST", "/v1/sign-out", None),
            ("POST", "/v1/sign-out-everywhere", None),
            ("DELETE", "/v1/session", None),
        ):
            assert_error(await foreign.request(method, path_, json=body, headers=headers), 403, "forbidden")
        assert (await foreign.get("/v1/session", headers=headers)).status_code == 200
    row = await scene.store.conversations.get(user_id, conversation_id)
    assert row is not None
    assert (row.title, row.deleted) == ("kept", False)
    assert await scene.store.api_keys.of_user(user_id) == []


@pytest.mark.parametrize("origin", FOREIGN)
async def test_a_foreign_page_signs_nobody_in(scene: Stage, origin: str) -> None:
    async with scene.http(None) as http:
        refused = await http.post("/v1/session", json=wish("asha"), headers={"origin": origin})
        assert_error(refused, 403, "forbidden")
        assert "set-cookie" not in refused.headers


async def test_what_the_browser_says_of_its_own_page_is_enough(scene: Stage) -> None:
    async with browser(scene, "asha") as http:
        headers = cookie_of(http) | {"sec-fetch-site": "same-origin"}
    async with scene.http(None) as http:
        assert (await http.post("/v1/ws-tickets", headers=headers)).status_code == 200


async def test_a_bearer_token_counts_before_the_cookie_and_needs_no_page(scene: Stage) -> None:
    ravi = await tokens_of(scene, "ravi")
    async with browser(scene, "asha") as http:
        headers = cookie_of(http) | bearer(ravi["token"])
        assert_error(await http.get("/v1/session", headers=bearer("x")), 401, "not_authenticated")
    async with scene.http(None) as http:
        assert (await http.get("/v1/session", headers=headers)).json()["user_id"] == ravi["user_id"]
        assert (await http.post("/v1/ws-tickets", headers=headers)).status_code == 200


async def test_a_token_of_somebody_else_becomes_a_cookie_and_one_of_a_sign_in_does_not(tmp_path: Path) -> None:
    async with stage(tmp_path) as scene, browser(scene) as http:
        signed_in = await http.post("/v1/session", headers=bearer(scene.token("meera")))
        assert signed_in.json()["user_id"] == scene.user_id("meera")
        assert (await http.get("/v1/session")).json()["user_id"] == scene.user_id("meera")
        await an_account(scene, "asha")
        own = (await tokens_of(scene, "asha"))["token"]
        assert_error(await http.post("/v1/session", headers=bearer(own)), 403, "forbidden")
        assert_error(await http.post("/v1/session", headers=bearer("x")), 401, "not_authenticated")
    async with stage(tmp_path) as scene, browser(scene) as http:
        assert_error(await http.post("/v1/session"), 401, "not_authenticated")


async def test_signing_out_ends_the_cookie_and_its_sockets_and_may_be_repeated(scene: Stage) -> None:
    async with browser(scene, "asha") as http, browser(scene, "asha") as other:
        headers = cookie_of(http)
        async with scene.connected(additional_headers=headers, origin=PAGE) as person:
            await person.hear("ready")
            signed_out = await http.delete("/v1/session")
            assert signed_out.status_code == 204
            assert f"{COOKIE}=; Max-Age=0" in signed_out.headers["set-cookie"]
            assert await person.close_code() == 4401
        again = await other.delete("/v1/session", headers=headers)
        assert again.status_code == 204
    async with scene.http(None) as http:
        assert_error(await http.get("/v1/session", headers=headers), 401, "not_authenticated")
        assert_error(await http.get("/v1/conversations", headers=headers), 401, "not_authenticated")


async def test_whoever_signs_in_next_with_a_browser_signs_the_one_before_out(scene: Stage) -> None:
    async with browser(scene, "asha") as http:
        former = cookie_of(http)
        async with scene.connected(additional_headers=former, origin=PAGE) as person:
            await person.hear("ready")
            assert (await http.post("/v1/session", json=wish("ravi"))).status_code == 200
            assert await person.close_code() == 4401
    async with scene.http(None) as http:
        assert_error(await http.get("/v1/session", headers=former), 401, "not_authenticated")


async def test_a_frame_after_the_sign_out_changes_nothing(scene: Stage) -> None:
    tokens = await tokens_of(scene, "asha")
    person = await said_hello(scene, tokens["token"])
    before = len(scene.requests.asked)
    async with scene.http(None) as http:
        signing_out = http.post("/v1/sign-out", headers=bearer(tokens["token"]))
        assert (await signing_out).status_code == 204
    send = {"type": "send", "request_id": new_id(), "conversation_id": new_id(), "text": "Too late?"}
    try:
        for _ in range(3):
            await person.say(**send)
    except websockets.ConnectionClosed:
        pass
    assert await person.close_code() == 4401
    assert len(scene.requests.asked) == before


async def test_pages_of_allowed_origins_may_send_the_cookie_from_elsewhere(scene: Stage) -> None:
    async with httpx.AsyncClient(base_url=scene.running.address, trust_env=False) as http:
        asked = {
            "origin": PAGE,
            "access-control-request-method": "POST",
            "access-control-request-headers": "content-type",
        }
        allowed = await http.options("/v1/session", headers=asked)
        assert allowed.headers["access-control-allow-credentials"] == "true"
        assert allowed.headers["access-control-allow-origin"] == PAGE
        foreign = await http.options("/v1/session", headers=asked | {"origin": FOREIGN[3]})
        assert "access-control-allow-origin" not in foreign.headers


async def test_another_users_conversation_is_not_there_by_cookie_either(scene: Stage) -> None:
    theirs = await converse(scene, "meera", messages=1)
    async with browser(scene, "asha") as http:
        assert_error(await http.get(f"/v1/conversations/{theirs}/messages"), 404, "not_found")
