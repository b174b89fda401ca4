"""Asking, looking and stopping over REST: the sockets' own asking and stopping, with statuses instead of frames."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from producers.errors import NotAttempted, OutcomeUnknown
from schemas.control import StopAsked
from schemas.ids import new_id, turn_id_of
from schemas.requests import Ask, AskAgain
from store.rows import MessageRow
from tests.contracts.rows import message_id
from tests.edge_turns import Turn, answer_frames
from tests.flow.event_streams import streaming
from tests.flow.rest_calls import assert_error
from tests.flow.running_edge import Stage, stage, watch
from ws_edge import finding_turns


@pytest.fixture(autouse=True)
def quick_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(finding_turns, "SOON_SECONDS", 0.1)
    monkeypatch.setattr(finding_turns, "LOOK_SECONDS", 0.01)


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Stage]:
    async with stage(tmp_path) as running:
        yield running


def question(**fields: Any) -> dict[str, Any]:
    return {"request_id": new_id(), "conversation_id": new_id(), "text": "Why?", **fields}


async def test_a_question_is_accepted_once_it_is_durable_and_shown_to_all_devices(scene: Stage) -> None:
    asked = question(model="smart")
    async with scene.http() as http, scene.person() as phone:
        await watch(phone, Turn(phone.user_id, asked["conversation_id"]))
        scene.requests.let_through.clear()
        asking = asyncio.create_task(http.post("/v1/turns", json=asked))
        await phone.hears_nothing_more()
        assert not asking.done()
        scene.requests.let_through.set()
        accepted = await asking
        assert accepted.status_code == 202
        turn_id = turn_id_of(phone.user_id, asked["conversation_id"], asked["request_id"])
        assert accepted.json() == {"turn_id": turn_id, "request_id": asked["request_id"]}
        assert (await phone.hear("asked"))["turn_id"] == turn_id
    (request,) = scene.requests.asked
    assert isinstance(request, Ask)
    assert (request.text, request.model, request.turn_id) == ("Why?", "smart", turn_id)


async def test_the_same_request_gives_the_same_turn_and_one_effect(scene: Stage) -> None:
    asked = question()
    async with scene.http() as http:
        answers = await asyncio.gather(*(http.post("/v1/turns", json=asked) for _ in range(5)))
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.json()["turn_id"] for answer in answers}) == 1
    assert len(scene.requests.asked) == 1


async def test_a_stored_question_is_answered_again(scene: Stage) -> None:
    user_id, conversation_id = scene.user_id("asha"), new_id()
    row = MessageRow(message_id=message_id(1), role="user", text="Why?", created_at_ms=1)
    await scene.store.messages.append(user_id, conversation_id, [row], 1)
    again = {"request_id": new_id(), "conversation_id": conversation_id, "message_id": row.message_id}
    async with scene.http() as http:
        assert (await http.post("/v1/turns", json=again)).status_code == 202
        unknown = again | {"request_id": new_id(), "message_id": new_id()}
        assert_error(await http.post("/v1/turns", json=unknown), 422, "unknown_question")
    (request,) = scene.requests.asked
    assert isinstance(request, AskAgain)
    assert (request.text, request.question_id) == ("Why?", row.message_id)


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"text": "  "}, "empty_text"),
        ({"model": "gpt-something"}, "unknown_model"),
        ({"attachments": ["a"]}, "unsupported"),
        ({"parent_id": new_id()}, "unknown_parent"),
        ({"text": None}, "bad_request"),
        ({"message_id": new_id()}, "bad_request"),
        ({"request_id": "7"}, "bad_request"),
        ({"on_busy": "panic"}, "bad_request"),
        ({"text": 7}, "bad_request"),
    ],
)
async def test_what_can_not_be_accepted_is_refused_with_its_reason(
    scene: Stage, fields: dict[str, Any], code: str
) -> None:
    async with scene.http() as http:
        assert_error(await http.post("/v1/turns", json=question(**fields)), 422, code)
    assert scene.requests.asked == []


async def test_a_request_that_can_not_be_read_is_told_what_is_wrong_with_it(scene: Stage) -> None:
    async with scene.http() as http:
        for request, what in (
            (http.post("/v1/turns", json={"request_id": "x"}), "`request_id` is no UUID; `conversation_id` is missing"),
            (http.post("/v1/turns", content="no json"), "it is no JSON object"),
            (http.post("/v1/dev/sign-in", json={}), "`name` is missing"),
            (http.post("/v1/dev/sign-in", json={"name": ""}), "`name` is not as it has to be"),
            (http.get("/v1/conversations", params={"limit": 0}), "`limit` is out of bounds"),
            (http.get("/v1/conversations", params={"before": "x"}), "`before` is not as it has to be"),
            (http.get("/v1/turns/x"), "`turn_id` is no UUID"),
        ):
            said = await request
            assert_error(said, 422, "bad_request")
            then = "See the API's description for its fields."
            assert said.json()["error"]["text"] == f"The request could not be read: {what}. {then}"


async def test_what_may_be_left_out_may_be_null(scene: Stage) -> None:
    async with scene.http() as http:
        asked = question(on_busy=None, model=None, parent_id=None, attachments=None)
        assert (await http.post("/v1/turns", json=asked)).status_code == 202
    assert [request.on_busy for request in scene.requests.asked] == ["queue"]


async def test_text_that_is_no_text_is_a_bad_request(scene: Stage) -> None:
    body = json.dumps(question(text="?")).replace("?", "\\ud800")
    async with scene.http() as http:
        said = await http.post("/v1/turns", content=body, headers={"content-type": "application/json"})
        assert_error(said, 422, "bad_request")
    assert scene.requests.asked == []


async def test_refusals_that_pass_say_when_to_try_again(scene: Stage) -> None:
    async with scene.http() as http:
        scene.requests.fail_with = NotAttempted("full", retry_after_ms=2_500)
        busy = await http.post("/v1/turns", json=question())
        assert_error(busy, 503, "overloaded")
        assert busy.headers["retry-after"] == "3"
        scene.requests.fail_with = OutcomeUnknown("no answer")
        unknown = await http.post("/v1/turns", json=(asked := question()))
        assert_error(unknown, 503, "accept_unknown")
        assert unknown.headers["retry-after"] == "1"
        scene.requests.fail_with = None
        assert (await http.post("/v1/turns", json=asked)).status_code == 202
        busy_there = question(conversation_id=asked["conversation_id"], on_busy="reject")
        assert_error(await http.post("/v1/turns", json=busy_there), 409, "conversation_busy")


async def test_a_question_asked_by_rest_is_read_as_events(scene: Stage) -> None:
    asked = question()
    async with scene.http() as http:
        turn_id = (await http.post("/v1/turns", json=asked)).json()["turn_id"]
        assert (await http.get(f"/v1/turns/{turn_id}")).json()["status"] == "queued"
    turn = Turn(scene.user_id("asha"), asked["conversation_id"], turn_id, asked["request_id"])
    async with streaming(scene, turn) as stream:
        await stream.frame("asked")
        scene.publish(turn.user_id, *answer_frames(turn, 2))
        assert [frame["type"] for frame in await stream.rest()] == ["started", "delta", "delta", "completed"]


async def test_how_a_turn_stands_is_one_snapshot(scene: Stage) -> None:
    running, holed, ended = (Turn(scene.user_id("asha")) for _ in range(3))
    scene.publish(running.user_id, running.started(), running.delta("so "), running.delta("far"))
    holed.started()
    holed.delta("kept")
    await scene.store.checkpoints.save(holed.turn_id, holed.checkpoint())
    assert await scene.store.turns.compare_and_set(holed.row(), None) is None
    holed.delta("lost")
    scene.publish(holed.user_id, holed.delta("held"))
    *_, terminal = answer_frames(ended, 2)
    assert await scene.store.turns.compare_and_set(ended.ended_row(terminal), None) is None
    async with scene.http() as http:
        stands = [(await http.get(f"/v1/turns/{turn.turn_id}")).json() for turn in (running, holed, ended)]
        assert [each["type"] for each in stands] == ["snapshot"] * 3
        assert [(each["text"], each["status"]) for each in stands] == [
            ("so far", "running"),
            ("kept", "running"),
            (ended.text, "completed"),
        ]


async def test_a_stop_is_in_the_turns_row_and_told_to_the_workers_before_it_is_confirmed(scene: Stage) -> None:
    turn = Turn(scene.user_id("asha"))
    scene.publish(turn.user_id, turn.started(), turn.delta())
    async with scene.http() as http:
        for _ in range(2):
            assert (await http.post(f"/v1/turns/{turn.turn_id}/stop")).status_code == 202
        row = await scene.store.turns.load(turn.turn_id)
        assert row is not None and row.stop
        assert scene.control.notices == [StopAsked(turn_id=turn.turn_id)] * 4


async def test_a_stop_that_could_not_be_stored_is_to_be_repeated(scene: Stage) -> None:
    turn = Turn(scene.user_id("asha"))
    scene.publish(turn.user_id, turn.started())
    async with scene.http() as http:
        while (await http.get(f"/v1/turns/{turn.turn_id}")).status_code != 200:
            pass
        scene.outage.set()
        assert_error(await http.post(f"/v1/turns/{turn.turn_id}/stop"), 503, "history_unavailable")


async def test_stopping_what_has_ended_changes_nothing(scene: Stage) -> None:
    turn = Turn(scene.user_id("asha"))
    *_, terminal = answer_frames(turn, 1)
    row = turn.ended_row(terminal)
    assert await scene.store.turns.compare_and_set(row, None) is None
    async with scene.http() as http:
        assert (await http.post(f"/v1/turns/{turn.turn_id}/stop")).status_code == 202
    assert await scene.store.turns.load(turn.turn_id) == row
    assert scene.control.notices == []


async def test_requests_are_sessions_of_their_user_and_leave_none_behind(tmp_path: Path) -> None:
    async with stage(tmp_path, max_sessions_per_user=1) as scene, scene.http() as http:
        for _ in range(3):
            assert (await http.post("/v1/turns", json=question())).status_code == 202
        scene.requests.let_through.clear()
        hanging = asyncio.create_task(http.post("/v1/turns", json=question()))
        while (refused := await http.get(f"/v1/turns/{new_id()}")).status_code == 404:
            pass
        assert_error(refused, 429, "overloaded")
        scene.requests.let_through.set()
        assert (await hanging).status_code == 202
        assert (await http.get(f"/v1/turns/{new_id()}")).status_code == 404


async def test_an_edge_that_does_not_know_the_turns_yet_sends_elsewhere(tmp_path: Path) -> None:
    async with stage(tmp_path) as scene, scene.http() as http:
        scene.replies.ready.clear()
        for method, path in (("POST", ""), ("GET", f"/{new_id()}"), ("GET", f"/{new_id()}/events")):
            refused = await http.request(method, f"/v1/turns{path}", json=question() if method == "POST" else None)
            assert_error(refused, 503, "overloaded")
            assert refused.headers["retry-after"] == "1"
