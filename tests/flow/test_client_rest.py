"""The client's REST calls against a small server that answers as the edge's contract says."""

import json
from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from samvad_client import EdgeRefused, EdgeRest, EdgeUnreachable, SignInAgain
from samvad_client.rest import ConversationRow, ModelRow

MESSAGE = {"id": "m1", "role": "user", "text": "Hi", "parent_id": None, "model": None, "status": None}


class AnsweringEdge:
    """Answers each path with what is written here, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, dict[str, str], object]] = []
        self.tokens: list[str | None] = []
        self.answers: dict[str, tuple[int, object]] = {}

    async def answer(self, request: web.Request) -> web.Response:
        body = await request.json() if request.can_read_body else None
        self.asked.append((request.method, request.path, dict(request.query), body))
        self.tokens.append(request.headers.get("Authorization"))
        status, said = self.answers[request.path]
        return web.Response(status=status, text=said if isinstance(said, str) else json.dumps(said))


@pytest.fixture
async def edge() -> AnsweringEdge:
    return AnsweringEdge()


@pytest.fixture
async def rest(edge: AnsweringEdge) -> AsyncIterator[EdgeRest]:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", edge.answer)
    async with TestServer(app, host="127.0.0.1") as server, EdgeRest(str(server.make_url("/"))) as rest:
        yield rest


async def test_signing_in_gives_the_token_that_later_calls_carry(edge: AnsweringEdge, rest: EdgeRest) -> None:
    edge.answers["/v1/dev/sign-in"] = (200, {"token": "t1", "user_id": "u1"})
    edge.answers["/v1/models"] = (200, {"default": "fast", "models": [{"alias": "fast", "title": "Fast"}]})
    assert (await rest.sign_in("asha")).user_id == "u1"
    models = await rest.models()
    assert (models.default, models.models) == ("fast", [ModelRow("fast", "Fast")])
    assert edge.asked[0] == ("POST", "/v1/dev/sign-in", {}, {"name": "asha"})
    assert edge.tokens == [None, "Bearer t1"]


async def test_conversations_and_messages_come_by_pages(edge: AnsweringEdge, rest: EdgeRest) -> None:
    row = {"id": "c1", "title": None, "updated_at": "2026-03-01T12:00:00Z"}
    edge.answers["/v1/conversations"] = (200, {"conversations": [row], "next": "c1"})
    edge.answers["/v1/conversations/c1/messages"] = (200, {"messages": [{**MESSAGE, "created_at": "x"}], "next": None})
    page = await rest.conversations(limit=1, before="c9")
    assert (page.conversations, page.next) == ([ConversationRow("c1", None, "2026-03-01T12:00:00Z")], "c1")
    messages = (await rest.messages("c1", limit=20)).messages
    assert [(message.role, message.text) for message in messages] == [("user", "Hi")]
    assert [asked[2] for asked in edge.asked] == [{"limit": "1", "before": "c9"}, {"limit": "20"}]


async def test_renaming_and_deleting_need_no_answer_body(edge: AnsweringEdge, rest: EdgeRest) -> None:
    edge.answers["/v1/conversations/c1"] = (204, "")
    await rest.rename("c1", "Trains")
    await rest.delete("c1")
    assert [(method, body) for method, _, _, body in edge.asked] == [("PATCH", {"title": "Trains"}), ("DELETE", None)]


async def test_an_edges_refusal_has_its_code_and_sentence(edge: AnsweringEdge, rest: EdgeRest) -> None:
    error = {"code": "history_unavailable", "text": "Not now.", "temporary": True}
    edge.answers["/v1/conversations"] = (503, {"error": error})
    with pytest.raises(EdgeRefused, match="Not now") as refused:
        await rest.conversations()
    assert (refused.value.code, refused.value.temporary) == ("history_unavailable", True)


async def test_a_missing_token_asks_to_sign_in_again(edge: AnsweringEdge, rest: EdgeRest) -> None:
    edge.answers["/v1/models"] = (401, {"error": {"code": "not_authenticated", "text": "x", "temporary": False}})
    with pytest.raises(SignInAgain):
        await rest.models()


async def test_another_server_is_told_apart_from_an_edge(edge: AnsweringEdge, rest: EdgeRest) -> None:
    edge.answers["/v1/models"] = (200, "<html>")
    with pytest.raises(EdgeUnreachable, match="no Samvad edge"):
        await rest.models()
    edge.answers["/v1/models"] = (502, "<html>")
    with pytest.raises(EdgeRefused, match="502"):
        await rest.models()


async def test_an_edge_that_is_not_there_is_unreachable() -> None:
    async with EdgeRest("http://127.0.0.1:9") as rest:
        with pytest.raises(EdgeUnreachable, match="Nobody answers"):
            await rest.models()
