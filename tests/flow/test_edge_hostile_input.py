"""Hostile clients over a real socket: a typed answer or the right close code, and nobody else is disturbed."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
import websockets
from websockets.frames import Frame, Opcode

from schemas.ids import new_id
from tests.edge_turns import Turn, answer_frames
from tests.flow.rest_calls import assert_error
from tests.flow.running_edge import Person, Stage, stage

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def scene(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """One for all: whatever one client did, the next one must find it whole."""
    async with stage(tmp_path_factory.mktemp("edge"), hello_seconds=0.3) as running:
        yield running


@pytest.fixture(autouse=True)
def no_traceback(caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]) -> Iterator[None]:
    """Whatever a client says, nothing of ours may break over it."""
    yield
    records = caplog.get_records("call")  # `caplog.records` would be those of the teardown
    assert [record.getMessage() for record in records if record.exc_info or record.levelno >= logging.ERROR] == []
    said = capfd.readouterr()
    assert "Traceback" not in said.out + said.err


def watch(**fields: object) -> str:
    return json.dumps({"type": "watch", "conversation_id": new_id(), **fields})


async def still_answers(person: Person) -> None:
    await person.hears_nothing_more()


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("not json", "bad_frame"),
        ("", "bad_frame"),
        ("[]", "bad_frame"),
        ("null", "bad_frame"),
        ('{"type":"dance"}', "unknown_frame_type"),
        ('{"type":"watch"}', "bad_frame"),
        ('{"type":"watch","conversation_id":7}', "bad_frame"),
        ('{"type":"watch","conversation_id":"../../etc"}', "bad_frame"),
        (watch(after={new_id(): -1}), "bad_frame"),
        (watch(after={new_id(): 2**63}), "bad_frame"),
        (watch(after={new_id(): 1 for _ in range(51)}), "bad_frame"),
        ('{"type":"send","request_id":"x","conversation_id":"y","text":"z"}', "bad_frame"),
        ('{"type":"stop"}', "bad_frame"),
        ('{"type":"ping","nonce":NaN}', "bad_frame"),
        ('{"type":"ping","nonce":Infinity}', "bad_frame"),
        ('{"type":"ping","nonce":"\\ud800"}', "bad_frame"),
        ("[" * 10_000, "bad_frame"),
        ('{"a":' * 10_000, "bad_frame"),
        ('{"type":"ping","x":' + "[" * 10_000 + "]" * 10_000 + "}", "bad_frame"),
        ("\x00", "bad_frame"),
    ],
)  # fmt: skip
async def test_a_bad_frame_is_answered_and_the_session_goes_on(scene: Stage, message: str, code: str) -> None:
    async with scene.person() as person, scene.person("ravi") as other:
        await person.socket.send(message)
        assert (await person.hear("error"))["code"] == code
        await still_answers(person)
        await still_answers(other)


async def test_the_third_bad_frame_in_a_row_closes_4400(scene: Stage) -> None:
    async with scene.person() as person, scene.person() as other:
        for _ in range(3):
            await person.socket.send("bad")
        assert len(await person.hear_all("error", "error", "error")) == 3
        assert await person.close_code() == 4400
        await still_answers(other)


async def test_binary_closes_1003(scene: Stage) -> None:
    async with scene.person() as person, scene.person() as other:
        await person.socket.send(b"\x00\x01")
        assert await person.close_code() == 1003
        await still_answers(other)


async def test_a_frame_of_64_kib_is_read_and_one_byte_more_closes_1009(scene: Stage) -> None:
    async with scene.person() as person, scene.person() as other:
        empty = len(json.dumps({"type": "ping", "nonce": "n", "pad": ""}))
        await person.say(type="ping", nonce="n", pad="x" * (65_536 - empty))
        await person.hear("pong")
        await person.say(type="ping", nonce="n", pad="x" * (65_537 - empty))
        assert await person.close_code() == 1009
        await still_answers(other)


async def test_text_that_is_not_utf_8_closes_1007(scene: Stage) -> None:
    async with scene.person() as person, scene.person() as other:
        person.socket.transport.write(Frame(Opcode.TEXT, b"\xff\xfe").serialize(mask=True))
        assert await person.close_code() == 1007
        await still_answers(other)


@pytest.mark.parametrize("message", ["nonsense", '{"type":"ping"}', '{"type":"hello"}', '{"type":"hello","token":7}'])
async def test_anything_but_hello_first_closes_4401(scene: Stage, message: str) -> None:
    async with scene.connected() as person:
        await person.socket.send(message)
        assert await person.closed() == (4401, "hello_expected")


async def test_binary_first_closes_1003(scene: Stage) -> None:
    async with scene.connected() as person:
        await person.socket.send(b"hello")
        assert await person.close_code() == 1003


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "." * 60_000, "[" * 30_000])
async def test_a_token_that_is_not_ours_closes_4401(scene: Stage, token: str) -> None:
    async with scene.connected() as person:
        await person.say(type="hello", token=token)
        assert await person.closed() == (4401, "not_authenticated")


async def test_no_hello_in_time_closes_4401(scene: Stage) -> None:
    async with scene.connected() as person:
        assert await person.closed() == (4401, "hello_timeout")


async def test_a_session_never_changes_its_user(scene: Stage) -> None:
    async with scene.person("asha") as person:
        await person.say(type="hello", token=scene.token("ravi"))
        assert await person.closed() == (4401, "other_user")


async def test_a_second_hello_renews_the_session(scene: Stage) -> None:
    async with scene.person() as person:
        await person.say(type="hello", token=scene.token("asha"))
        await person.hear("ready")


@pytest.mark.parametrize(
    ("options", "status", "code"),
    [
        ({"origin": "http://evil.example"}, 403, "forbidden"),
        ({"origin": "null"}, 403, "forbidden"),
        ({"subprotocols": None}, 400, "bad_request"),
        ({"subprotocols": ["samvad.v2"]}, 400, "bad_request"),
    ],
)
async def test_an_upgrade_from_elsewhere_or_of_another_protocol_is_refused(
    scene: Stage, options: dict[str, object], status: int, code: str
) -> None:
    with pytest.raises(websockets.InvalidStatus) as refused:
        async with scene.connected(**options):
            pass
    assert refused.value.response.status_code == status
    error = json.loads(refused.value.response.body or b"")["error"]
    assert error["code"] == code
    assert ("`samvad.v1`" in error["text"]) is (code == "bad_request")


async def test_the_sockets_address_without_an_upgrade_says_what_it_is(scene: Stage) -> None:
    async with scene.http() as http:
        said = await http.get("/v1/ws")
        assert_error(said, 426, "bad_request")
        assert "`samvad.v1`" in said.json()["error"]["text"]
        assert said.headers["upgrade"] == "websocket"


async def test_the_edges_own_page_may_connect(scene: Stage) -> None:
    async with scene.person(origin=scene.running.address) as person:
        await still_answers(person)


async def test_another_address_has_no_websocket(scene: Stage) -> None:
    with pytest.raises(websockets.InvalidStatus) as refused:
        await websockets.connect(scene.websocket_url + "/more", subprotocols=["samvad.v1"], proxy=None)  # type: ignore[list-item]
    assert refused.value.response.status_code == 404


async def test_nothing_of_another_users_conversation_is_shown(scene: Stage) -> None:
    turn = Turn(user_id=scene.user_id("ravi"))
    async with scene.person("ravi") as owner, scene.person("asha") as stranger:
        for person in (owner, stranger):
            await person.say(type="watch", conversation_id=turn.conversation_id, after={turn.turn_id: 0})
        assert (await owner.hear("watching"))["turns"][0]["status"] == "unknown"
        scene.publish(turn.user_id, *answer_frames(turn, 2))
        await owner.hear_all("started", "delta", "delta", "completed")
        assert (await stranger.hear("watching"))["turns"] == [{"turn_id": turn.turn_id, "seq": 0, "status": "unknown"}]
        await stranger.say(type="watch", conversation_id=turn.conversation_id, after={turn.turn_id: 0})
        watching = await stranger.hear("watching")
        assert (watching["turns"][0]["status"], watching["head"]) == ("unknown", None)
        await stranger.say(type="stop", turn_id=turn.turn_id)
        assert (await stranger.hear("error"))["code"] == "unknown_turn"
        await still_answers(stranger)


async def test_another_users_stored_turn_does_not_exist_either(scene: Stage) -> None:
    turn = Turn(user_id=scene.user_id("ravi"))
    turn.started()
    await scene.store.turns.compare_and_set(turn.row(version=1), None)
    async with scene.person("asha") as stranger:
        await stranger.say(type="stop", turn_id=turn.turn_id)
        assert (await stranger.hear("error"))["code"] == "unknown_turn"
        await stranger.say(type="watch", conversation_id=turn.conversation_id, after={turn.turn_id: 5})
        assert (await stranger.hear("watching"))["turns"][0]["status"] == "unknown"
    row = await scene.store.turns.load(turn.turn_id)
    assert row is not None
    assert not row.stop


async def test_too_many_frames_close_4429(tmp_path: Path) -> None:
    async with stage(tmp_path, frames_per_second=1, frame_burst=10) as scene, scene.person() as person:
        for _ in range(20):
            await person.say(type="ping")
        assert await person.close_code() == 4429


async def test_a_user_has_only_so_many_sessions(tmp_path: Path) -> None:
    async with stage(tmp_path, max_sessions_per_user=2) as scene, scene.person() as first, scene.person():
        async with scene.connected() as third:
            await third.say(type="hello", token=scene.token("asha"))
            assert await third.close_code() == 1008
        async with scene.person("ravi") as other:
            await still_answers(other)
        await still_answers(first)


async def test_a_full_edge_closes_1013(tmp_path: Path) -> None:
    async with stage(tmp_path, max_sessions=1) as scene, scene.person() as first:
        async with scene.connected() as second:
            assert await second.close_code() == 1013
        await still_answers(first)


async def test_clients_that_vanish_in_the_middle_of_everything_leave_nothing_behind(scene: Stage) -> None:
    async with scene.person() as other:
        for message in (watch(), "x" * 1000, ""):
            async with scene.person() as person:
                await person.socket.send(message)
                person.socket.transport.abort()
        await asyncio.sleep(0)
        await still_answers(other)


async def test_a_token_is_in_no_log_line(scene: Stage, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    logging.getLogger("uvicorn.error").setLevel(logging.DEBUG)
    async with scene.connected(additional_headers={"x": "y"}) as person:
        await person.say(type="hello", token="SECRET-TOKEN")
        await person.close_code()
    ours = [record for record in caplog.records if not record.name.startswith(("websockets.client", "asyncio"))]
    assert "SECRET-TOKEN" not in "".join(record.getMessage() for record in ours)
