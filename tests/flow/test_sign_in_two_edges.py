"""Two edges on one broker and one store: tickets work once, and what is ended on one is ended on both."""

import asyncio
import time
from collections.abc import AsyncIterator

import jwt
import pytest
import pytest_asyncio

from producers.errors import NotAttempted
from schemas.edge_notices import SIGNED_OUT_ADDRESS
from schemas.ids import new_id, user_id_of
from schemas.roles import Role
from tests.flow.rest_calls import assert_error
from tests.flow.running_edge import Person, Stage, until
from tests.flow.signing_in import (
    SOON_SECONDS,
    accounts_of,
    an_account,
    bearer,
    browser,
    close_code_of_hello,
    cookie_of,
    said_hello,
    tokens_of,
    two_edges,
    wish,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")

Edges = tuple[Stage, Stage]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def edges(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Edges]:
    async with two_edges(tmp_path_factory.mktemp("edges")) as both:
        yield both


async def person_of(scene: Stage) -> str:
    """A fresh local account; its name."""
    name = f"asha {new_id()}"
    await an_account(scene, name)
    return name


async def ticket_by(scene: Stage, token: str) -> str:
    async with scene.http(None) as http:
        response = await http.post("/v1/ws-tickets", headers=bearer(token))
        assert response.status_code == 200, response.text
        ticket: str = response.json()["ticket"]
        return ticket


async def all_closed_soon(*people: Person) -> None:
    """Each is closed as not signed in, in time."""
    began = time.monotonic()
    assert [await person.close_code() for person in people] == [4401] * len(people)
    assert time.monotonic() - began < SOON_SECONDS


async def test_a_ticket_opens_one_session_on_whatever_edge_and_lasts_as_long_as_its_sign_in(edges: Edges) -> None:
    one, other = edges
    tokens = await tokens_of(one, await person_of(one))
    ticket = await ticket_by(one, tokens["token"])
    async with other.connected() as person:
        await person.say(type="hello", token=ticket)
        ready = await person.hear("ready")
        assert (ready["user_id"], ready["expires_at"][:19]) == (tokens["user_id"], tokens["refresh_expires_at"][:19])
        for edge in edges:
            assert await close_code_of_hello(edge, ticket) == 4401
        await person.hears_nothing_more()


async def test_of_two_who_use_a_ticket_at_once_one_gets_in(edges: Edges) -> None:
    ticket = await ticket_by(edges[0], edges[0].token("meera"))
    codes = await asyncio.gather(*(close_code_of_hello(edge, ticket) for edge in (*edges, *edges)))
    assert sorted(codes, key=str) == [4401, 4401, 4401, None]


async def test_a_ticket_is_good_for_a_minute_and_for_hello_alone(edges: Edges) -> None:
    one, _ = edges
    ticket, late = [await ticket_by(one, one.token("meera")) for _ in range(2)]
    async with one.http(None) as http:
        assert_error(await http.get("/v1/session", headers=bearer(ticket)), 401, "not_authenticated")
    claims = jwt.decode(late, options={"verify_signature": False})
    assert claims["exp"] - claims["iat"] == 60
    one.passes(61)
    try:
        assert await close_code_of_hello(one, late) == 4401
    finally:
        one.passes(-61)
    forged = jwt.encode(claims | {"jti": new_id(), "sub": user_id_of("dev", "ravi")}, b"k" * 32, algorithm="HS256")
    unsigned = jwt.encode(claims, None, algorithm="none")
    for each in (forged, unsigned):
        assert await close_code_of_hello(one, each) == 4401


async def test_a_ticket_renews_a_session_of_its_own_user_only(edges: Edges) -> None:
    one, other = edges
    name = await person_of(one)
    token = (await tokens_of(one, name))["token"]
    person = await said_hello(one, token)
    await person.say(type="hello", token=await ticket_by(other, token))
    assert (await person.hear("ready"))["user_id"] == person.user_id
    await person.say(type="hello", token=await ticket_by(other, other.token("ravi")))
    assert await person.close_code() == 4401


async def test_a_ticket_of_a_sign_in_that_has_ended_opens_nothing(edges: Edges) -> None:
    one, other = edges
    token = (await tokens_of(one, await person_of(one)))["token"]
    ticket = await ticket_by(one, token)
    async with one.http(None) as http:
        assert (await http.post("/v1/sign-out", headers=bearer(token))).status_code == 204
    assert await close_code_of_hello(other, ticket) == 4401


async def test_signing_out_closes_that_sign_ins_sockets_on_both_edges_and_no_others(edges: Edges) -> None:
    one, other = edges
    name = await person_of(one)
    tokens, elsewhere = await tokens_of(one, name), await tokens_of(other, name)
    ended = [await said_hello(edge, tokens["token"]) for edge in edges]
    stays = [await said_hello(edge, elsewhere["token"]) for edge in edges]
    stranger = await said_hello(other, other.token("ravi"))
    async with one.http(None) as http, other.http(None) as there:
        for client in (http, there):
            assert (await client.get("/v1/session", headers=bearer(tokens["token"]))).status_code == 200
        for _ in range(2):
            assert (await http.post("/v1/sign-out", headers=bearer(tokens["token"]))).status_code == 204
        await all_closed_soon(*ended)
        for client in (http, there):
            refused = await client.get("/v1/session", headers=bearer(tokens["token"]))
            assert_error(refused, 401, "not_authenticated")
        renewal = await there.post("/v1/sign-in/refresh", json={"refresh_token": tokens["refresh_token"]})
        assert_error(renewal, 401, "not_authenticated")
    for edge in edges:
        assert await close_code_of_hello(edge, tokens["token"]) == 4401
    for person in (*stays, stranger):
        await person.hears_nothing_more()
        await person.socket.close()


async def test_signing_out_everywhere_ends_every_sign_in_and_what_begins_afterwards_stays(edges: Edges) -> None:
    one, other = edges
    name = await person_of(one)
    first, second = await tokens_of(one, name), await tokens_of(other, name)
    people = [await said_hello(one, second["token"]), await said_hello(other, first["token"])]
    async with browser(other, name) as page, one.http(None) as http:
        headers = cookie_of(page)
        by_cookie = Person(await one._connection(additional_headers=headers, origin=one.running.address))
        await by_cookie.hear("ready")
        assert (await http.post("/v1/sign-out-everywhere", headers=bearer(first["token"]))).status_code == 204
        later = await said_hello(other, (await tokens_of(other, name))["token"])
        await all_closed_soon(*people, by_cookie)
        assert_error(await page.get("/v1/session"), 401, "not_authenticated")
        for tokens in (first, second):
            assert_error(await http.get("/v1/session", headers=bearer(tokens["token"])), 401, "not_authenticated")
    await later.hears_nothing_more()
    await later.socket.close()


async def test_an_edge_that_was_told_nothing_asks_the_store(edges: Edges) -> None:
    """`accounts_of` changes the store alone, as a notice that was lost does."""
    one, _ = edges
    name = await person_of(one)
    tokens = await tokens_of(one, name)
    async with one.http(None) as http:
        assert (await http.get("/v1/session", headers=bearer(tokens["token"]))).status_code == 200
        await accounts_of(one).sign_out(tokens["user_id"])
        assert await close_code_of_hello(one, tokens["token"]) == 4401
        one.passes(SOON_SECONDS)
        assert_error(await http.get("/v1/session", headers=bearer(tokens["token"])), 401, "not_authenticated")


async def test_a_disabled_user_is_signed_out_with_the_programs_and_comes_back_anew_only(edges: Edges) -> None:
    one, other = edges
    name, admin = await person_of(one), f"admin {new_id()}"
    await an_account(one, admin, Role.ADMIN)
    tokens, boss = await tokens_of(one, name), bearer((await tokens_of(one, admin))["token"])
    async with one.http(None) as http, other.http(None) as there:
        key = (await http.post("/v1/api-keys", json={"name": "report"}, headers=bearer(tokens["token"]))).json()["key"]
        people = [await said_hello(one, key), await said_hello(other, key), await said_hello(other, tokens["token"])]
        path = f"/v1/admin/users/{tokens['user_id']}"
        assert (await http.post(f"{path}/disable", headers=boss)).status_code == 204
        await all_closed_soon(*people)
        for client in (http, there):
            for token in (tokens["token"], key):
                assert_error(await client.get("/v1/session", headers=bearer(token)), 401, "not_authenticated")
        assert_error(await there.post("/v1/sign-in", json=wish(name)), 401, "wrong_password")
        assert (await there.post(f"{path}/enable", headers=boss)).status_code == 204
        assert_error(await http.get("/v1/session", headers=bearer(tokens["token"])), 401, "not_authenticated")
        assert (await there.get("/v1/session", headers=bearer(key))).status_code == 200
    assert (await tokens_of(other, name))["user_id"] == tokens["user_id"]


async def test_a_revoked_key_is_good_no_more_and_its_sockets_are_closed_on_both_edges(edges: Edges) -> None:
    one, other = edges
    tokens = await tokens_of(one, await person_of(one))
    async with one.http(None) as http, other.http(None) as there:
        made = [
            (await http.post("/v1/api-keys", json={"name": name}, headers=bearer(tokens["token"]))).json()
            for name in ("gone", "kept")
        ]
        people = [await said_hello(edge, made[0]["key"]) for edge in edges]
        kept = await said_hello(other, made[1]["key"])
        assert (await there.get("/v1/session", headers=bearer(made[0]["key"]))).status_code == 200
        revoked = await http.delete(f"/v1/api-keys/{made[0]['id']}", headers=bearer(tokens["token"]))
        assert revoked.status_code == 204
        await all_closed_soon(*people)
        for client in (http, there):
            assert_error(await client.get("/v1/session", headers=bearer(made[0]["key"])), 401, "not_authenticated")
        assert (await there.get("/v1/session", headers=bearer(made[1]["key"]))).status_code == 200
    await kept.hears_nothing_more()
    await kept.socket.close()


async def test_what_edges_tell_each_other_reaches_no_client_and_rubbish_harms_nobody(edges: Edges) -> None:
    one, other = edges
    person = await said_hello(other, other.token("meera"))
    for raw in (b"{", b"", b'{"type":"signed_out","sign_in_id":"another"}', b'{"type":"signed_out","sign_in_id":7}'):
        await one.replies.publish_bytes(person.user_id, SIGNED_OUT_ADDRESS, raw)
    await person.hears_nothing_more()
    await person.socket.close()


async def test_what_the_broker_does_not_take_at_once_is_told_again(
    edges: Edges, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = edges
    tokens = await tokens_of(one, await person_of(one))
    person = await said_hello(other, tokens["token"])
    tried: list[str] = []
    publish = type(one.replies).publish_bytes

    def full_at_first(self: object, user_id: str, *rest: object) -> object:
        tried.append(user_id)
        if len(tried) == 1:
            raise NotAttempted("full")
        return publish(self, user_id, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(type(one.replies), "publish_bytes", full_at_first)
    monkeypatch.setattr("ws_edge.signing_in.signing_out.AGAIN_SECONDS", 0.01)
    monkeypatch.setattr("ws_edge.signing_in.signing_out.TELL_SECONDS", 0.0)
    async with one.http(None) as http:
        refused = await http.post("/v1/sign-out", headers=bearer(tokens["token"]))
        assert_error(refused, 503, "sign_in_unavailable")
    await all_closed_soon(person)
    await until(lambda: len(tried) == 2)
