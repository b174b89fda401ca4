"""Signing in and out at awkward moments: while the store is slow, while a check is under way, between two frames."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from schemas.edge_notices import SignedOut
from schemas.ids import new_id
from tests.edge_turns import Turn
from tests.flow.rest_calls import assert_error
from tests.flow.running_edge import Stage, stage
from tests.flow.signing_in import (
    PASSWORD,
    SOON_SECONDS,
    an_account,
    bearer,
    browser,
    close_code_of_hello,
    said_hello,
    tokens_of,
    wish,
)
from ws_edge.building import build
from ws_edge.settings import EdgeSettings
from ws_edge.signing_in.settings import SignInSettings


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Stage]:
    async with stage(tmp_path) as running:
        await an_account(running, "asha")
        yield running


class SlowReads:
    """The store reads a sign-in, and answers when it is let to."""

    def __init__(self, scene: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
        self.has_read, self.let_answer = asyncio.Event(), asyncio.Event()
        self._get: Callable[[str], Any] = scene.store.sign_ins.get
        monkeypatch.setattr(scene.store.sign_ins, "get", self.get)

    async def get(self, sign_in_id: str) -> Any:
        row = await self._get(sign_in_id)
        self.has_read.set()
        await self.let_answer.wait()
        return row


async def test_a_first_hello_that_nobody_can_check_in_time_is_to_come_back_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with stage(tmp_path, hello_seconds=0.5) as scene:
        await an_account(scene, "asha")
        token = (await tokens_of(scene, "asha"))["token"]
        SlowReads(scene, monkeypatch)
        assert await close_code_of_hello(scene, token) == 1013


async def test_a_slow_renewal_holds_nothing_up(scene: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    token = (await tokens_of(scene, "asha"))["token"]
    person = await said_hello(scene, token)
    slow = SlowReads(scene, monkeypatch)
    await person.say(type="hello", token=token)
    await slow.has_read.wait()
    await person.hears_nothing_more()
    slow.let_answer.set()
    await person.hear("ready")
    await person.socket.close()


async def test_who_is_signed_out_while_being_checked_does_not_get_in(
    scene: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = (await tokens_of(scene, "asha"))["token"]
    get = scene.store.sign_ins.get
    slow = SlowReads(scene, monkeypatch)
    async with scene.connected() as person, scene.http(None) as http:
        await person.say(type="hello", token=token)
        await slow.has_read.wait()
        monkeypatch.setattr(scene.store.sign_ins, "get", get)
        assert (await http.post("/v1/sign-out", headers=bearer(token))).status_code == 204
        slow.let_answer.set()
        assert await person.close_code() == 4401


async def test_a_frame_that_arrives_with_the_sign_out_is_not_carried_out(scene: Stage) -> None:
    built = build(EdgeSettings(), scene.parts, port=8000)
    user_id, sent = scene.user_id("meera"), list[dict[str, Any]]()
    send = {"type": "send", "request_id": new_id(), "conversation_id": new_id(), "text": "Too late?"}
    hello = {"type": "hello", "token": scene.token("meera")}
    coming = iter([{"type": "websocket.connect"}, _text(hello), _text({"type": "ping"}), _text(send)])

    async def receive() -> dict[str, Any]:
        message = next(coming)
        if message == _text(send):
            built.desk.sockets.take(user_id, SignedOut(generation="new"))
        return message

    async def take(message: dict[str, Any]) -> None:
        sent.append(message)

    scope = {"type": "websocket", "path": "/v1/ws", "headers": [], "subprotocols": ["samvad.v1"], "query_string": b""}
    await built.app(scope, receive, take)
    assert sent[-1] == {"type": "websocket.close", "code": 4401, "reason": "not_authenticated"}
    await built.errands.finish(1)
    await built.desk.close()
    assert scene.requests.asked == []


def _text(frame: dict[str, Any]) -> dict[str, Any]:
    return {"type": "websocket.receive", "text": json.dumps(frame)}


async def test_passwords_tokens_and_keys_are_written_down_nowhere(
    scene: Stage, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level("DEBUG", "ws_edge")
    tokens = await tokens_of(scene, "asha")
    async with scene.http(None) as http, browser(scene, "asha") as page:
        made = await http.post("/v1/api-keys", json={"name": "report"}, headers=bearer(tokens["token"]))
        ticket = (await http.post("/v1/ws-tickets", headers=bearer(made.json()["key"]))).json()["ticket"]
        (cookie,) = page.cookies.values()
        wrong = f"wrong {PASSWORD}"
        assert_error(await http.post("/v1/sign-in", json=wish("asha", wrong)), 401, "wrong_password")
        assert_error(await http.post("/v1/sign-in", json={"name": [], "password": wrong}), 422, "bad_request")
        for token in (tokens["token"], made.json()["key"], ticket):
            await (await said_hello(scene, token)).socket.close()
        old = {"refresh_token": tokens["refresh_token"]}
        assert (await http.post("/v1/sign-in/refresh", json=old)).status_code == 200
        scene.passes(SignInSettings().refresh_grace_seconds)
        assert_error(await http.post("/v1/sign-in/refresh", json=old), 401, "not_authenticated")
    said = capfd.readouterr()
    written = caplog.text + said.out + said.err
    assert "session_opened" in written
    for secret in (PASSWORD, tokens["token"], tokens["refresh_token"], made.json()["key"], ticket, cookie):
        assert secret not in written


async def test_a_sign_out_ends_event_streams_too(scene: Stage) -> None:
    tokens = await tokens_of(scene, "asha")
    turn = Turn(tokens["user_id"])
    scene.publish(turn.user_id, turn.asked())
    path, headers = f"/v1/turns/{turn.turn_id}/events", bearer(tokens["token"])
    async with scene.http(None) as http, http.stream("GET", path, headers=headers) as stream:
        assert stream.status_code == 200
        reading = asyncio.create_task(stream.aread())
        assert (await http.post("/v1/sign-out", headers=headers)).status_code == 204
        async with asyncio.timeout(SOON_SECONDS):
            assert b"event: completed" not in await reading
        assert_error(await http.get(path, headers=headers), 401, "not_authenticated")
