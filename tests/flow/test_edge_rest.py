"""The REST API over a real socket: pages, changes, sign-in, health, and errors of one shape."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from producers.errors import OutcomeUnknown
from schemas.control import ConversationDropped, ConversationLeaving
from schemas.ids import new_id, user_id_of
from schemas.parts import Usage
from schemas.statuses import TurnStatus
from store.rows import MessageRow
from tests.contracts.rows import message_id
from tests.edge_turns import Turn
from tests.flow.rest_calls import assert_error, converse
from tests.flow.running_edge import Stage, stage
from ws_edge.building import build
from ws_edge.settings import EdgeSettings


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Stage]:
    async with stage(tmp_path) as running:
        yield running


async def test_conversations_are_listed_newest_first_and_page_by_page(scene: Stage) -> None:
    ids = [await converse(scene, at_ms=at_ms) for at_ms in (1, 2, 2, 3)]
    await converse(scene, "ravi")
    async with scene.http() as http:
        whole = (await http.get("/v1/conversations")).json()
        assert whole["conversations"][0] == {
            "id": ids[3],
            "title": "at 3",
            "updated_at": "1970-01-01T00:00:00.003Z",
        }
        assert whole["next"] is None
        first = (await http.get("/v1/conversations?limit=3")).json()
        second = (await http.get("/v1/conversations", params={"limit": 3, "before": first["next"]})).json()
        paged = [row["id"] for page in (first, second) for row in page["conversations"]]
        assert paged == [row["id"] for row in whole["conversations"]]
        assert sorted(paged) == sorted(ids)
        assert second["next"] is None


async def test_messages_come_as_the_newest_page_first_and_oldest_first_within(scene: Stage) -> None:
    conversation_id = await converse(scene, messages=5)
    async with scene.http() as http:
        path = f"/v1/conversations/{conversation_id}/messages"
        newest = (await http.get(path, params={"limit": 2})).json()
        assert [message["text"] for message in newest["messages"]] == ["m3", "m4"]
        older = (await http.get(path, params={"limit": 2, "before": newest["next"]})).json()
        assert [message["text"] for message in older["messages"]] == ["m1", "m2"]
        oldest = (await http.get(path, params={"limit": 2, "before": older["next"]})).json()
        assert ([message["text"] for message in oldest["messages"]], oldest["next"]) == (["m0"], None)


async def test_a_message_has_all_that_is_stored_of_it_but_its_price(scene: Stage) -> None:
    user_id, conversation_id, parent, answer = (
        scene.user_id("asha"),
        await converse(scene),
        message_id(1),
        message_id(2),
    )
    row = MessageRow(
        message_id=answer,
        role="assistant",
        text="Because.",
        created_at_ms=1_770_000_000_123,
        parent_id=parent,
        model="smart",
        status=TurnStatus.STOPPED,
        usage=Usage(1, 2, estimated=False),
        turn_id=new_id(),
    )
    await scene.store.messages.append(user_id, conversation_id, [row], 1)
    async with scene.http() as http:
        page = (await http.get(f"/v1/conversations/{conversation_id}/messages")).json()
    assert page == {
        "messages": [
            {
                "id": answer,
                "role": "assistant",
                "text": "Because.",
                "parent_id": parent,
                "model": "smart",
                "status": "stopped",
                "created_at": "2026-02-02T02:40:00.123Z",
            }
        ],
        "next": None,
    }


async def test_a_new_title_is_kept_and_told_to_all_sessions(scene: Stage) -> None:
    conversation_id = await converse(scene)
    async with scene.http() as http, scene.person() as person, scene.person("ravi") as other:
        renamed = await http.patch(f"/v1/conversations/{conversation_id}", json={"title": "  Trees 🌳 "})
        assert renamed.json()["title"] == "Trees 🌳"
        told = await person.hear("conversation")
        assert (told["id"], told["title"]) == (conversation_id, "Trees 🌳")
        await other.hears_nothing_more()


async def test_a_deleted_conversation_is_gone_and_everybody_is_told(scene: Stage) -> None:
    conversation_id = await converse(scene, messages=2)
    async with scene.http() as http, scene.person() as person:
        for _ in range(2):
            assert (await http.delete(f"/v1/conversations/{conversation_id}")).status_code == 204
        told = await person.hear("conversation")
        assert (told["id"], told["deleted"]) == (conversation_id, True)
        where = {"user_id": person.user_id, "conversation_id": conversation_id}
        assert scene.control.notices == [ConversationLeaving(**where), ConversationDropped(**where)] * 2
        assert_error(await http.get(f"/v1/conversations/{conversation_id}/messages"), 404, "not_found")
        assert (await http.get("/v1/conversations")).json()["conversations"] == []


async def test_of_a_conversation_that_is_not_the_users_no_worker_hears(scene: Stage) -> None:
    async with scene.http() as http:
        assert_error(await http.delete(f"/v1/conversations/{new_id()}"), 404, "not_found")
    assert scene.control.notices == []


async def test_a_conversation_whose_first_turn_is_open_can_be_deleted(scene: Stage) -> None:
    async with scene.http() as http, scene.person() as person:
        turn = Turn(person.user_id)
        scene.publish(person.user_id, turn.asked())
        await person.hears_nothing_more()
        assert (await http.delete(f"/v1/conversations/{turn.conversation_id}")).status_code == 204
        row = await scene.store.conversations.get(person.user_id, turn.conversation_id)
        assert row is not None
        assert row.deleted


async def test_a_delete_that_the_workers_could_not_be_told_is_to_be_repeated(scene: Stage) -> None:
    conversation_id = await converse(scene)
    async with scene.http() as http:
        scene.control.fail_with = OutcomeUnknown("no answer")
        response = await http.delete(f"/v1/conversations/{conversation_id}")
        assert_error(response, 503, "overloaded")
        assert response.json()["error"]["temporary"] is True
        row = await scene.store.conversations.get(scene.user_id("asha"), conversation_id)
        assert row is not None and not row.deleted, "workers that remember it could answer in it"
        scene.control.fail_with = None
        assert (await http.delete(f"/v1/conversations/{conversation_id}")).status_code == 204


async def test_the_offered_models_are_listed(scene: Stage) -> None:
    async with scene.http() as http:
        models = [{"alias": "fast", "title": "Fast"}, {"alias": "smart", "title": "Smart"}]
        assert (await http.get("/v1/models")).json() == {"default": "fast", "models": models}


async def test_development_sign_in_gives_a_token_that_works_everywhere(scene: Stage) -> None:
    async with scene.http(None) as http:
        signed_in = (await http.post("/v1/dev/sign-in", json={"name": "asha"})).json()
        assert signed_in["user_id"] == user_id_of("dev", "asha")
        headers = {"authorization": f"Bearer {signed_in['token']}"}
        assert (await http.get("/v1/conversations", headers=headers)).status_code == 200
    async with scene.connected() as person:
        await person.say(type="hello", token=signed_in["token"])
        assert (await person.hear("ready"))["user_id"] == signed_in["user_id"]


async def test_development_sign_in_is_not_there_for_a_page_that_renamed_us(scene: Stage) -> None:
    async with scene.http(None) as http:
        response = await http.post("/v1/dev/sign-in", json={"name": "asha"}, headers={"host": "evil.example:8000"})
        assert_error(response, 404, "not_found")


async def test_development_sign_in_is_not_there_beyond_loopback(scene: Stage) -> None:
    beyond = build(EdgeSettings(host="0.0.0.0"), scene.parts, port=8000)
    transport = httpx.ASGITransport(app=beyond.app, client=("127.0.0.1", 1))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000") as http:
        assert_error(await http.post("/v1/dev/sign-in", json={"name": "asha"}), 404, "not_found")


@pytest.mark.parametrize(("name_in_the_address", "status"), [("127.0.0.1:8000", 200), ("edge-1:8000", 404)])
async def test_behind_a_proxy_on_this_machine_development_sign_in_is_there_when_it_was_asked_for(
    scene: Stage, name_in_the_address: str, status: int
) -> None:
    behind = build(EdgeSettings(host="0.0.0.0", dev_sign_in=True), scene.parts, port=8000)
    transport = httpx.ASGITransport(app=behind.app, client=("172.18.0.5", 1))
    async with httpx.AsyncClient(transport=transport, base_url=f"http://{name_in_the_address}") as http:
        assert (await http.post("/v1/dev/sign-in", json={"name": "asha"})).status_code == status


async def test_pages_of_allowed_origins_may_call_and_others_may_not_read(tmp_path: Path) -> None:
    async with stage(tmp_path, allowed_origins="https://chat.example") as scene, scene.http() as http:
        allowed = await http.get("/v1/models", headers={"origin": "https://chat.example"})
        other = await http.get("/v1/models", headers={"origin": "https://evil.example"})
        assert allowed.headers["access-control-allow-origin"] == "https://chat.example"
        assert "access-control-allow-origin" not in other.headers


async def test_health_and_readiness_are_two_things(scene: Stage) -> None:
    async with scene.http(None) as http:
        assert (await http.get("/readyz")).status_code == 200
        scene.replies.lag = 11
        assert (await http.get("/healthz")).status_code == 200
        response = await http.get("/readyz")
        assert (response.status_code, response.json()["reasons"]) == (503, ["lagging behind the replies"])


async def test_the_api_describes_itself_with_its_errors(scene: Stage) -> None:
    async with scene.http(None) as http:
        description = (await http.get("/openapi.json")).json()
    paths = {"/v1/conversations", "/v1/conversations/{conversation_id}/messages", "/v1/models", "/v1/dev/sign-in"}
    assert paths <= set(description["paths"])
    responses = description["paths"]["/v1/conversations"]["get"]["responses"]
    schema = responses["422"]["content"]["application/json"]["schema"]
    assert schema["$ref"].endswith("/ErrorModel")
