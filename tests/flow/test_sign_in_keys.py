"""API keys and administration over a real socket: who may do what, and what is never shown."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from schemas.ids import new_id, user_id_of
from schemas.roles import Role
from tests.flow.rest_calls import assert_error
from tests.flow.running_edge import Stage, stage
from tests.flow.signing_in import accounts_of, an_account, bearer, close_code_of_hello, said_hello, tokens_of, wish
from ws_edge.building import build
from ws_edge.settings import EdgeSettings
from ws_edge.signing_in.settings import SignInSettings

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def scene(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    settings = SignInSettings(max_api_keys=3)
    async with stage(tmp_path_factory.mktemp("edge"), desk={"settings": settings}) as running:
        await an_account(running, "asha")
        await an_account(running, "boss", Role.ADMIN)
        yield running


async def test_a_key_is_shown_once_and_works_for_rest_hello_and_tickets(scene: Stage) -> None:
    async with scene.http("meera") as http:
        made = (await http.post("/v1/api-keys", json={"name": " nightly report "})).json()
        key = made.pop("key")
        assert key.startswith("sv-") and key.endswith(made["last_four"])
        assert made["name"] == "nightly report" and made["used_at"] is None
        assert (await http.get("/v1/api-keys")).json() == {"api_keys": [made]}
        assert (await http.get("/v1/session", headers=bearer(key))).json()["user_id"] == scene.user_id("meera")
        (listed,) = (await http.get("/v1/api-keys")).json()["api_keys"]
        assert listed["used_at"] is not None
        ticket = (await http.post("/v1/ws-tickets", headers=bearer(key))).json()["ticket"]
    for token in (key, ticket):
        person = await said_hello(scene, token)
        assert person.user_id == scene.user_id("meera")
        await person.socket.close()
    rows = await scene.store.api_keys.of_user(scene.user_id("meera"))
    assert key not in repr(rows)


NEARLY = {
    "shorter": lambda key: key[:-1],
    "longer": lambda key: key + "A",
    "another end": lambda key: key[:-8] + "AAAAAAAA",
    "another padding": lambda key: key + "==",
    "nothing": lambda key: "sv-",
    "no ascii": lambda key: "sv-é",
    "endless": lambda key: "sv-" + "A" * 20_000,
    "without its prefix": lambda key: key.removeprefix("sv-"),
}


@pytest.mark.parametrize("change", NEARLY.values(), ids=NEARLY)
async def test_what_is_nearly_a_key_is_none(scene: Stage, change: object) -> None:
    async with scene.http(f"user {new_id()}") as http:
        key = (await http.post("/v1/api-keys", json={"name": "x"})).json()["key"]
        forged = change(key)  # type: ignore[operator]
        if forged.isascii():
            assert_error(await http.get("/v1/session", headers=bearer(forged)), 401, "not_authenticated")
    assert await close_code_of_hello(scene, forged) == 4401


async def test_a_key_makes_no_keys_and_signs_nobody_out(scene: Stage) -> None:
    async with scene.http("ravi") as http:
        made = (await http.post("/v1/api-keys", json={"name": "x"})).json()
        for method, path, body in (
            ("POST", "/v1/api-keys", {"name": "y"}),
            ("GET", "/v1/api-keys", None),
            ("DELETE", f"/v1/api-keys/{made['id']}", None),
            ("POST", "/v1/sign-out-everywhere", None),
            ("POST", "/v1/session", None),
        ):
            assert_error(await http.request(method, path, json=body, headers=bearer(made["key"])), 403, "forbidden")
        assert_error(await http.post("/v1/sign-out", headers=bearer(made["key"])), 409, "no_sign_in")


async def test_a_user_has_so_many_keys_and_no_other_users(scene: Stage) -> None:
    async with scene.http("many") as http, scene.http("other") as other:
        ids = [(await http.post("/v1/api-keys", json={"name": "x"})).json()["id"] for _ in range(3)]
        assert_error(await http.post("/v1/api-keys", json={"name": "x"}), 409, "too_many_keys")
        assert (await other.get("/v1/api-keys")).json() == {"api_keys": []}
        assert_error(await other.delete(f"/v1/api-keys/{ids[0]}"), 404, "not_found")
        assert (await http.delete(f"/v1/api-keys/{ids[0]}")).status_code == 204
        assert_error(await http.delete(f"/v1/api-keys/{ids[0]}"), 404, "not_found")
        assert len((await http.get("/v1/api-keys")).json()["api_keys"]) == 2


async def test_a_token_that_belongs_to_no_sign_in_is_not_said_to_be_ended(scene: Stage) -> None:
    async with scene.http("meera") as http:
        assert_error(await http.post("/v1/sign-out"), 409, "no_sign_in")


async def test_an_admin_manages_accounts_and_for_others_there_is_nothing(scene: Stage) -> None:
    asha, boss = [bearer((await tokens_of(scene, name))["token"]) for name in ("asha", "boss")]
    some_id = user_id_of("local", "asha")
    async with scene.http(None) as http:
        for method, path in (
            ("GET", "/v1/admin/users"),
            ("POST", "/v1/admin/users"),
            *(("POST", f"/v1/admin/users/{some_id}/{what}") for what in ("disable", "enable", "sign-out")),
        ):
            body = wish("x") if path.endswith("users") and method == "POST" else None
            assert_error(await http.request(method, path, json=body, headers=asha), 404, "not_found")
            assert_error(await http.request(method, path, json=body), 401, "not_authenticated")
        key = bearer((await http.post("/v1/api-keys", json={"name": "robot"}, headers=boss)).json()["key"])
        assert (await http.get("/v1/conversations", headers=key)).status_code == 200
        assert_error(await http.post("/v1/admin/users", json=wish("x"), headers=key), 404, "not_found")
        made = await http.post("/v1/admin/users", json=wish("Zoë"), headers=boss)
        assert (made.status_code, made.json()["name"], made.json()["role"]) == (201, "zoë", "user")
        assert_error(await http.post("/v1/admin/users", json=wish("ZOË"), headers=boss), 409, "name_taken")
        assert_error(await http.post("/v1/admin/users", json=wish("x", "short"), headers=boss), 422, "bad_password")
        assert_error(await http.post("/v1/admin/users", json=wish("a\nb"), headers=boss), 422, "bad_request")
        assert_error(await http.post(f"/v1/admin/users/{new_id()}/disable", headers=boss), 404, "not_found")
        assert (await http.post(f"/v1/admin/users/{made.json()['user_id']}/sign-out", headers=boss)).status_code == 204
        first = (await http.get("/v1/admin/users", params={"limit": 2}, headers=boss)).json()
        second = (await http.get("/v1/admin/users", params={"after": first["next"]}, headers=boss)).json()
        names = {user["name"] for page in (first, second) for user in page["users"]}
        assert (names, second["next"]) == ({"asha", "boss", "zoë"}, None)
        assert "password" not in str(first) + made.text


async def test_who_is_an_admin_no_more_has_no_more_than_five_seconds(scene: Stage) -> None:
    await an_account(scene, "deputy", Role.ADMIN)
    deputy = bearer((await tokens_of(scene, "deputy"))["token"])
    async with scene.http(None) as http:
        assert (await http.get("/v1/admin/users", headers=deputy)).status_code == 200
        await accounts_of(scene).set_role(user_id_of("local", "deputy"), Role.USER)
        scene.passes(5)
        assert_error(await http.get("/v1/admin/users", headers=deputy), 404, "not_found")


async def test_where_development_sign_in_is_off_its_tokens_are_worth_nothing(tmp_path: Path) -> None:
    async with stage(tmp_path) as scene:
        beyond = build(EdgeSettings(host="0.0.0.0"), scene.parts, port=8000)
        for sign_in in (beyond.desk.hello, beyond.desk.rest):
            with pytest.raises(Exception, match="nobody here knows"):
                await sign_in.check(scene.token("asha"))
        await beyond.desk.close()
