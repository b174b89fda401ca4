"""The REST API refuses, always in one shape: without a token, for what is not there, for what can't be read."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from schemas.ids import new_id
from tests.flow.rest_calls import assert_error, converse
from tests.flow.running_edge import Stage, stage

pytestmark = pytest.mark.asyncio(loop_scope="module")

AN_ID = "0198c5f2-7b1e-7c3a-9d4e-5f60718293a4"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def scene(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """One for all: nothing here changes anything."""
    async with stage(tmp_path_factory.mktemp("edge")) as running:
        yield running


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/v1/conversations/{id}/messages", None),
        ("PATCH", "/v1/conversations/{id}", {"title": "Mine now"}),
        ("DELETE", "/v1/conversations/{id}", None),
    ],
)
async def test_what_is_not_the_users_does_not_exist(scene: Stage, method: str, path: str, body: Any) -> None:
    theirs = await converse(scene, "ravi", messages=2)
    async with scene.http("asha") as http:
        for conversation_id in (theirs, new_id()):
            assert_error(await http.request(method, path.format(id=conversation_id), json=body), 404, "not_found")
    row = await scene.store.conversations.get(scene.user_id("ravi"), theirs)
    assert row is not None
    assert (row.title, row.deleted) == ("at 1", False)
    assert scene.control.notices == []


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/v1/conversations"), ("GET", "/v1/models"), ("GET", f"/v1/conversations/{AN_ID}/messages"),
     ("PATCH", f"/v1/conversations/{AN_ID}"), ("DELETE", f"/v1/conversations/{AN_ID}")],
)  # fmt: skip
@pytest.mark.parametrize(
    "header", [None, "", "Bearer", "Bearer x", "Basic YTpi", "bearer a.b.c", "Bearer " + "x" * 9000]
)
async def test_without_a_good_token_nothing_is_answered(
    scene: Stage, method: str, path: str, header: str | None
) -> None:
    async with scene.http(None) as http:
        headers = {} if header is None else {"authorization": header}
        response = await http.request(method, path, headers=headers, json={"title": "x"} if method == "PATCH" else None)
        assert_error(response, 401, "not_authenticated")
        assert response.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=201", "limit=-1", "limit=x", "limit=1e9", "before=x", "before=1.x", "before=" + "9" * 70],
)
async def test_a_bad_query_of_the_list_is_refused(scene: Stage, query: str) -> None:
    async with scene.http() as http:
        assert_error(await http.get(f"/v1/conversations?{query}"), 422, "bad_request")


@pytest.mark.parametrize("path", ["/v1/conversations/x/messages", "/v1/conversations/%00/messages"])
async def test_an_id_that_is_no_uuid_is_refused(scene: Stage, path: str) -> None:
    async with scene.http() as http:
        assert_error(await http.get(path), 422, "bad_request")
        assert_error(await http.get(f"/v1/conversations/{new_id()}/messages?before=x"), 422, "bad_request")


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"null", b'{"title":7}', b'{"title":""}', b'{"title":"  "}', b'{"title":null}',
     json.dumps({"title": "x" * 201}).encode(), b'{"title":"\\ud800"}', b'{"title":"\xff"}', b"[" * 20_000,
     b'{"a":' * 9_000],
)  # fmt: skip
async def test_a_bad_body_is_refused_without_a_word_of_it(scene: Stage, body: bytes) -> None:
    conversation_id = await converse(scene)
    async with scene.http() as http:
        headers = {"content-type": "application/json"}
        response = await http.patch(f"/v1/conversations/{conversation_id}", content=body, headers=headers)
        assert response.status_code in (400, 422)
        assert_error(response, response.status_code, "bad_request")


async def test_a_body_without_end_is_refused(scene: Stage) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield b"x" * 10_000

    async with scene.http() as http:
        path, headers = f"/v1/conversations/{new_id()}", {"content-type": "application/json"}
        assert (await http.patch(path, content=b"x" * 100_000, headers=headers)).status_code == 413
        assert (await http.patch(path, content=endless(), headers=headers)).status_code == 413


async def test_other_paths_and_methods_get_the_same_shape(scene: Stage) -> None:
    async with scene.http() as http:
        assert_error(await http.get("/"), 404, "not_found")
        assert_error(await http.get("/v1/wss"), 404, "not_found")
        assert_error(await http.get("/docs"), 404, "not_found")
        response = await http.put("/v1/conversations")
        assert_error(response, 405, "bad_request")
        assert response.headers["allow"] == "GET"


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/v1/conversations"), ("GET", f"/v1/conversations/{AN_ID}/messages"),
     ("PATCH", f"/v1/conversations/{AN_ID}"), ("DELETE", f"/v1/conversations/{AN_ID}")],
)  # fmt: skip
async def test_without_the_store_history_is_unavailable(scene: Stage, method: str, path: str) -> None:
    async with scene.http() as http:
        scene.outage.set()
        response = await http.request(method, path, json={"title": "x"} if method == "PATCH" else None)
        scene.outage.clear()
        assert_error(response, 503, "history_unavailable")


@pytest.mark.parametrize("name", ["", "  ", "x" * 65, "a\nb", 7, None, ["a"]])
async def test_development_sign_in_refuses_names_that_are_none(scene: Stage, name: Any) -> None:
    async with scene.http(None) as http:
        assert_error(await http.post("/v1/dev/sign-in", json={"name": name}), 422, "bad_request")
