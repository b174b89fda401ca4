"""Signing in and out at awkward moments: while the store is slow, while a check is under way, between two frames."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from schemas import codec
from schemas.edge_notices import SIGNED_OUT_ADDRESS, SignedOut
from schemas.ids import new_id
from store.sign_in_rows import UserRow
from tests.edge_turns import Turn
from tests.flow.event_streams import Stream
from tests.flow.rest_calls import assert_error
from tests.flow.running_edge import Person, Stage, stage, until
from tests.flow.signing_in import (
    PASSWORD,
    SOON_SECONDS,
    accounts_of,
    an_account,
    bearer,
    browser,
    close_code_of_hello,
    cookie_of,
    said_hello,
    tokens_of,
    wish,
)
from ws_edge.building import build
from ws_edge.finding_turns import Place, TurnFinder
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
    assert sent[-1] == {"type": "websocket.close", "code": 4401, "reason": "signed_out"}
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


@pytest.mark.parametrize("everywhere", ["", "-everywhere"])
async def test_a_sign_out_while_a_streams_turn_is_looked_up_ends_it_too(
    scene: Stage, monkeypatch: pytest.MonkeyPatch, everywhere: str
) -> None:
    tokens = await tokens_of(scene, "asha")
    turn, find = Turn(tokens["user_id"]), TurnFinder.find
    scene.publish(turn.user_id, turn.asked())
    is_looking, may_find = asyncio.Event(), asyncio.Event()

    async def slow_find(self: TurnFinder, user_id: str, turn_id: str) -> Place | None:
        is_looking.set()
        await may_find.wait()
        return await find(self, user_id, turn_id)

    monkeypatch.setattr(TurnFinder, "find", slow_find)
    async with scene.http(None) as http:
        headers = bearer(tokens["token"])
        following = asyncio.create_task(http.get(f"/v1/turns/{turn.turn_id}/events", headers=headers))
        await is_looking.wait()
        assert (await http.post(f"/v1/sign-out{everywhere}", headers=headers)).status_code == 204
        may_find.set()
        async with asyncio.timeout(SOON_SECONDS):
            assert b"data:" not in (await following).content
    assert streams_closed_as_not_signed_in(scene) == 1


async def test_a_stream_whose_user_is_signed_out_elsewhere_meanwhile_goes_on(
    scene: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokens, other = await tokens_of(scene, "asha"), await tokens_of(scene, "asha")
    turn, find = Turn(tokens["user_id"]), TurnFinder.find
    scene.publish(turn.user_id, turn.asked())

    async def find_and_sign_out(self: TurnFinder, user_id: str, turn_id: str) -> Place | None:
        async with scene.http(None) as http:
            assert (await http.post("/v1/sign-out", headers=bearer(other["token"]))).status_code == 204
        return await find(self, user_id, turn_id)

    monkeypatch.setattr(TurnFinder, "find", find_and_sign_out)
    path, headers = f"/v1/turns/{turn.turn_id}/events", bearer(tokens["token"])
    async with scene.http(None) as http, http.stream("GET", path, headers=headers) as stream:
        events = Stream(stream)
        await events.frame("asked")
        scene.publish(turn.user_id, turn.started(), turn.completed())
        await events.frames("started", "completed")


async def test_a_stream_lasts_no_longer_than_its_token(tmp_path: Path) -> None:
    settings = SignInSettings(access_token_minutes=4 / 60)
    async with stage(tmp_path, desk={"settings": settings}) as scene:
        await an_account(scene, "asha")
        tokens = await tokens_of(scene, "asha")
        turn = Turn(tokens["user_id"])
        scene.publish(turn.user_id, turn.asked())
        path, headers = f"/v1/turns/{turn.turn_id}/events", bearer(tokens["token"])
        async with scene.http(None) as http:
            stream = await http.get(path, headers=headers, timeout=3 * SOON_SECONDS)
            assert stream.status_code == 200 and b"event: asked" in stream.content
            assert_error(await http.get(path, headers=headers), 401, "not_authenticated")
        assert streams_closed_as_not_signed_in(scene) == 1


def streams_closed_as_not_signed_in(scene: Stage) -> float | None:
    return scene.monitored.registry.get_sample_value("samvad_sessions_closed_total", {"by": "not_authenticated"})


async def late_notice(scene: Stage, user_id: str, notice: SignedOut) -> None:
    """One that an edge told long after it was stored."""
    await scene.replies.publish_bytes(user_id, SIGNED_OUT_ADDRESS, codec.encode(notice))


async def test_a_late_notice_leaves_alone_what_began_after_a_later_one(
    scene: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    get_now, asked_for = scene.store.users.get_now, list[UserRow | None]()

    async def noted(user_id: str) -> UserRow | None:
        asked_for.append(await get_now(user_id))
        return asked_for[-1]

    monkeypatch.setattr(scene.store.users, "get_now", noted)
    accounts, user_id = accounts_of(scene), (await tokens_of(scene, "asha"))["user_id"]
    notices = []
    for _ in range(2):
        await accounts.sign_out(user_id)
        user = await scene.store.users.get(user_id)
        assert user is not None
        notices.append(SignedOut(generation=user.generation))
    person = await said_hello(scene, (await tokens_of(scene, "asha"))["token"])
    for times, with_keys in ((1, False), (2, True)):
        await late_notice(scene, user_id, replace(notices[0], with_keys=with_keys))
        await until(lambda expected=times: len(asked_for) == expected)
        await person.hears_nothing_more()
    await late_notice(scene, user_id, notices[1])
    await accounts.sign_out(user_id)
    await late_notice(scene, user_id, notices[0])
    assert await person.close_code() == 4401, "it has ended, whoever says so"


async def test_while_the_store_is_away_a_notice_is_believed(scene: Stage) -> None:
    tokens = await tokens_of(scene, "asha")
    person = await said_hello(scene, tokens["token"])
    scene.outage.set()
    await late_notice(scene, tokens["user_id"], SignedOut(generation="another"))
    assert await person.close_code() == 4401


async def test_tries_to_sign_in_are_counted_by_way_and_outcome(tmp_path: Path) -> None:
    settings = SignInSettings(sign_in_attempts=2, refresh_grace_seconds=0)
    async with stage(tmp_path, desk={"settings": settings}) as scene, scene.http(None) as http:
        await an_account(scene, "asha")
        tokens = await tokens_of(scene, "asha")
        await (await said_hello(scene, tokens["token"])).socket.close()
        assert await close_code_of_hello(scene, "nonsense") == 4401
        for status in (200, 401):
            scene.passes(0.002)
            wished = {"refresh_token": tokens["refresh_token"]}
            assert (await http.post("/v1/sign-in/refresh", json=wished)).status_code == status
        async with browser(scene, "asha") as page:
            socket = scene._connection(additional_headers=cookie_of(page), origin=scene.running.address)
            async with socket as by_cookie:
                await Person(by_cookie).hear("ready")
            assert (await page.post("/v1/session", headers=bearer("nonsense"))).status_code == 401
        scene.outage.set()
        assert (await http.post("/v1/sign-in", json=wish("asha"))).status_code == 503
        scene.outage.clear()
        for status in (401, 401, 429):
            assert (await http.post("/v1/session", json=wish("ravi", "wrong"))).status_code == status
        counted = {
            (sample.labels["way"], sample.labels["outcome"]): sample.value
            for family in scene.monitored.registry.collect()
            for sample in family.samples
            if sample.name == "samvad_sign_ins_total"
        }
    assert counted == {
        ("password", "signed_in"): 2,
        ("password", "unavailable"): 1,
        ("password", "refused"): 2,
        ("password", "too_many"): 1,
        ("provider", "refused"): 1,
        ("refresh", "signed_in"): 1,
        ("refresh", "reused"): 1,
        ("hello", "signed_in"): 1,
        ("hello", "refused"): 1,
        ("cookie", "signed_in"): 1,
    }
