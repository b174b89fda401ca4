"""A turn's frames as server-sent events: resuming, ends, slow readers, drains; by the same code as `watch` (G3, G4)."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from samvad_client import EdgeRefused, EdgeRest
from schemas.frames import AnyTurnFrame, TerminalFrame
from schemas.ids import new_id, seq_of
from tests.edge_turns import Turn, answer_frames
from tests.flow.event_streams import streaming
from tests.flow.rest_calls import assert_error
from tests.flow.running_edge import Stage, stage, until, watch
from tests.flow.test_edge_lifetime import shown
from ws_edge import event_stream, finding_turns, looking_up


@pytest.fixture(autouse=True)
def quick_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(looking_up, "FIRST_PAUSE_SECONDS", 0.02)
    monkeypatch.setattr(looking_up, "MAX_PAUSE_SECONDS", 0.02)
    monkeypatch.setattr(finding_turns, "SOON_SECONDS", 0.2)
    monkeypatch.setattr(finding_turns, "LOOK_SECONDS", 0.01)


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Stage]:
    async with stage(tmp_path) as running:
        yield running


def of(scene: Stage, name: str = "asha") -> Turn:
    return Turn(scene.user_id(name))


async def known(scene: Stage, turn: Turn, *frames: AnyTurnFrame) -> None:
    """The edge has read these frames."""
    scene.publish(turn.user_id, *frames)
    async with scene.http() as http:
        while (await http.get(f"/v1/turns/{turn.turn_id}")).json().get("seq") != frames[-1].seq:
            pass


async def store_end(scene: Stage, turn: Turn, terminal: AnyTurnFrame) -> None:
    assert isinstance(terminal, TerminalFrame)
    assert await scene.store.turns.compare_and_set(turn.ended_row(terminal), None) is None


async def test_a_turns_frames_come_as_events_and_the_stream_ends_with_it(scene: Stage) -> None:
    turn = of(scene)
    await known(scene, turn, turn.asked())
    async with streaming(scene, turn) as stream:
        asked = await stream.frame("asked")
        scene.publish(turn.user_id, turn.queued(), *answer_frames(turn, 2))
        _, started, *_ = await stream.frames("queued", "started", "delta", "delta", "completed")
        assert (asked["seq"], started["request_id"]) == (0, turn.request_id)
        assert await stream.rest() == []
        assert stream.response.headers["content-type"].startswith("text/event-stream")
        assert stream.response.headers["cache-control"] == "no-store"
        assert stream.response.headers["x-accel-buffering"] == "no"
        assert stream.raw.startswith(b"retry: ")


async def test_the_frames_are_the_very_bytes_that_a_socket_gets(scene: Stage) -> None:
    turn = of(scene)
    odd = "a\u2028b\u0085c\nd\re  "
    async with scene.person() as person:
        await watch(person, turn)
        await known(scene, turn, turn.started())
        await person.hear("started")
        async with streaming(scene, turn) as stream:
            await stream.frame("started")
            scene.publish(turn.user_id, turn.delta(odd))
            event = await stream.event("delta")
            assert event.data.decode() == await person.socket.recv()
            assert json.loads(event.data)["text"] == odd


async def test_a_client_that_comes_back_gets_the_frames_that_it_missed(scene: Stage) -> None:
    turn = of(scene)
    await known(scene, turn, turn.started(), *(turn.delta(f"{n}") for n in range(1, 6)))
    async with streaming(scene, turn, after=seq_of(1, 2)) as stream:
        assert [frame["text"] for frame in await stream.frames(*["delta"] * 3)] == ["3", "4", "5"]
        scene.publish(turn.user_id, turn.delta("6"), turn.completed())
        assert (await stream.frame("delta"))["text"] == "6"
        assert [frame["type"] for frame in await stream.rest()] == ["completed"]


async def test_a_hand_made_client_may_name_its_seq_in_the_query(scene: Stage) -> None:
    turn = of(scene)
    *_, terminal = answer_frames(turn, 2)
    await store_end(scene, turn, terminal)
    path = f"/v1/turns/{turn.turn_id}/events"
    async with scene.http() as http:
        assert (await http.get(path, params={"after": seq_of(1, 1)})).text.count("event: snapshot") == 1
        assert (await http.get(path, params={"after": terminal.seq})).status_code == 204
        for bad in ("-1", "x", str(2**63)):
            assert_error(await http.get(path, params={"after": bad}), 422, "bad_request")
            assert_error(await http.get(path, headers={"last-event-id": bad}), 422, "bad_request")


async def test_of_an_ended_turn_there_is_one_snapshot_and_then_nothing_to_come_back_for(scene: Stage) -> None:
    turn = of(scene)
    *_, terminal = answer_frames(turn, 3)
    await store_end(scene, turn, terminal)
    async with streaming(scene, turn, after=seq_of(1, 1)) as stream:
        (snapshot,) = await stream.rest()
        assert (snapshot["type"], snapshot["text"], snapshot["status"]) == ("snapshot", turn.text, "completed")
    async with scene.http() as http:
        again = await http.get(f"/v1/turns/{turn.turn_id}/events", headers={"last-event-id": str(snapshot["seq"])})
        assert (again.status_code, again.content) == (204, b"")


async def test_other_turns_and_the_list_are_not_in_a_turns_stream(scene: Stage) -> None:
    turn, other = of(scene), of(scene)
    other.conversation_id = turn.conversation_id
    await known(scene, turn, turn.asked())
    async with scene.http() as http, streaming(scene, turn) as stream:
        await stream.frame("asked")
        scene.publish(turn.user_id, *answer_frames(other, 2), other.queued())
        await scene.store.conversations.touch(
            turn.user_id, turn.conversation_id, leaf=new_id(), updated_at_ms=1, title_if_none="Trees"
        )
        assert (await http.patch(f"/v1/conversations/{turn.conversation_id}", json={"title": "Oaks"})).is_success
        scene.publish(turn.user_id, turn.started(), turn.completed())
        assert [frame["type"] for frame in await stream.rest()] == ["started", "completed"]


async def test_an_open_turn_that_only_the_store_knows_is_shown_and_goes_on_live(scene: Stage) -> None:
    turn = of(scene)
    turn.started()
    turn.delta("so far")
    assert await scene.store.turns.compare_and_set(turn.row(), None) is None
    await scene.store.checkpoints.save(turn.turn_id, turn.checkpoint())
    async with streaming(scene, turn) as stream:
        assert (await stream.frame("snapshot"))["text"] == "so far"
        scene.publish(turn.user_id, turn.delta(" on"), turn.completed())
        await stream.frames("delta", "completed")


async def test_a_turn_accepted_elsewhere_a_moment_ago_is_waited_for(
    scene: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(finding_turns, "SOON_SECONDS", 5)
    turn = of(scene)
    async with scene.http() as http:
        asking = asyncio.create_task(http.get(f"/v1/turns/{turn.turn_id}"))
        await asyncio.sleep(0.05)
        scene.publish(turn.user_id, turn.asked())
        assert (await asking).json()["status"] == "queued"


async def test_something_is_said_at_least_every_heartbeat(tmp_path: Path) -> None:
    async with stage(tmp_path, heartbeat_seconds=1) as scene:
        turn, other = of(scene), of(scene)
        other.conversation_id = turn.conversation_id
        await known(scene, turn, turn.started())
        async with streaming(scene, turn) as stream:
            await stream.frame("started")
            scene.publish(turn.user_id, other.started())
            busy = asyncio.create_task(_keep_busy(scene, other))
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(1.3):
                    await stream.event()
            busy.cancel()
            assert stream.raw.count(b":\n\n") >= 2


async def _keep_busy(scene: Stage, other: Turn) -> None:
    """The feed is woken all the time, by what this stream does not show."""
    while True:
        scene.publish(other.user_id, other.delta())
        await asyncio.sleep(0.05)


async def test_a_reader_that_pauses_gets_one_snapshot_for_all_it_missed(tmp_path: Path) -> None:
    async with stage(tmp_path, outbox_bytes=20_000) as scene, scene.person() as quick:
        turn = of(scene)
        await watch(quick, turn)
        scene.publish(turn.user_id, turn.started())
        await quick.hear("started")
        async with streaming(scene, turn) as slow:
            await slow.frame("started")
            for _ in range(20):
                scene.publish(turn.user_id, *(turn.delta("x" * 1000) for _ in range(100)))
                while (await quick.hear())["seq"] < seq_of(1, turn.n):
                    pass
            scene.publish(turn.user_id, turn.delta("last"), turn.completed())
            frames = await slow.rest()
        kinds = [frame["type"] for frame in frames]
        assert kinds.count("snapshot") >= 1
        assert (kinds[-1], len(frames) < 1500) == ("completed", True)
        assert shown(frames) == turn.text


async def test_a_reader_that_leaves_too_much_unread_is_cut_off_without_an_end(tmp_path: Path) -> None:
    """By its outbox, long before the kernel would (`tcp_user_timeout_seconds`)."""
    limits = {"outbox_bytes": 20_000, "outbox_hard_bytes": 40_000}
    async with stage(tmp_path, **limits) as scene, scene.person() as quick:
        turn = of(scene)
        await watch(quick, turn)
        scene.publish(turn.user_id, turn.started())
        await quick.hear("started")
        async with streaming(scene, turn) as dead, asyncio.timeout(15):
            while len(scene.running.sessions) == 2:
                scene.publish(turn.user_id, *(turn.started() for _ in range(25)))
                while (await quick.hear())["seq"] < seq_of(turn.attempt, 0):
                    pass
            await quick.hears_nothing_more()
            assert dead.raw == b""


async def test_a_client_that_goes_away_is_noticed_at_once(scene: Stage) -> None:
    turn = of(scene)
    await known(scene, turn, turn.asked())
    async with streaming(scene, turn) as stream:
        await stream.frame("asked")
        assert len(scene.running.sessions) == 1
    await until(lambda: not scene.running.sessions)


async def test_streams_count_as_sessions_of_their_user(tmp_path: Path) -> None:
    async with stage(tmp_path, max_sessions_per_user=2) as scene, scene.http() as http:
        turn = of(scene)
        await known(scene, turn, turn.asked())
        async with scene.person(), streaming(scene, turn):
            await until(lambda: len(scene.running.sessions) == 2)
            refused = await http.get(f"/v1/turns/{turn.turn_id}/events")
            assert_error(refused, 429, "overloaded")
            assert refused.headers["retry-after"] == "1"


async def test_an_edge_that_drains_says_so_last_and_when_to_come_back(tmp_path: Path) -> None:
    async with stage(tmp_path, drain_seconds=0.4) as scene:
        turn = of(scene)
        await known(scene, turn, turn.started(), turn.delta("so far"))
        entered = streaming(scene, turn)
        stream = await entered.__aenter__()
        await stream.frames("started", "delta")
    *_, draining = await stream.rest()
    assert draining == {"type": "draining", "reconnect_within_ms": 400}
    retries = [int(line.split()[1]) for line in stream.raw.split(b"\n") if line.startswith(b"retry: ")]
    assert 0 <= retries[-1] <= 400
    await entered.__aexit__(None, None, None)


async def test_nobody_stays_longer_than_a_while_without_signing_in_again(
    scene: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_stream, "STREAM_SECONDS", 0.1)
    turn = of(scene)
    await known(scene, turn, turn.started())
    async with streaming(scene, turn) as stream:
        assert {frame["type"] for frame in await stream.rest()} <= {"started"}, "it ended, and not with the turn"


async def test_while_the_store_is_away_an_open_turn_is_streamed_and_an_ended_one_is_not_found_yet(scene: Stage) -> None:
    turn, ended = of(scene), of(scene)
    await known(scene, turn, turn.started(), turn.delta("so far"))
    *_, terminal = answer_frames(ended, 1)
    await store_end(scene, ended, terminal)
    scene.outage.set()
    async with scene.http() as http:
        away = await http.get(f"/v1/turns/{ended.turn_id}/events")
        assert_error(away, 503, "history_unavailable")
    async with streaming(scene, turn, after=seq_of(1, 0)) as stream:
        assert (await stream.frame("delta"))["text"] == "so far"


async def test_a_deleted_conversations_turn_is_not_there(scene: Stage) -> None:
    turn = of(scene)
    *_, terminal = answer_frames(turn, 1)
    await store_end(scene, turn, terminal)
    await scene.store.conversations.touch(
        turn.user_id, turn.conversation_id, leaf=new_id(), updated_at_ms=1, title_if_none="Trees"
    )
    async with scene.http() as http:
        assert (await http.get(f"/v1/turns/{turn.turn_id}")).status_code == 200
        assert (await http.delete(f"/v1/conversations/{turn.conversation_id}")).status_code == 204
        for path in ("", "/events"):
            assert_error(await http.get(f"/v1/turns/{turn.turn_id}{path}"), 404, "not_found")


async def test_the_client_library_reads_a_turns_events(scene: Stage) -> None:
    turn = of(scene)
    async with EdgeRest(scene.running.address, scene.token("asha")) as rest:
        await known(scene, turn, turn.started(), turn.delta("so "))
        frames = rest.events(turn.turn_id)
        assert [(await anext(frames)).seq for _ in range(2)] == [seq_of(1, 0), seq_of(1, 1)]  # type: ignore[union-attr]
        terminal = turn.completed()
        await store_end(scene, turn, terminal)
        scene.publish(turn.user_id, terminal)
        assert [frame async for frame in frames] == [terminal]
        assert [frame async for frame in rest.events(turn.turn_id, after=terminal.seq)] == []
        with pytest.raises(EdgeRefused):
            await anext(rest.events(new_id()))
