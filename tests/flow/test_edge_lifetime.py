"""How sessions and edges begin and end: heartbeats, expiry, slow readers, drains, faults."""

import asyncio
import gc
import signal
import socket
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
import pytest
import websockets

from schemas.frames import Draining, ServerFrame
from schemas.ids import new_id, seq_of
from tests.edge_turns import Turn
from tests.flow.event_streams import streaming
from tests.flow.running_edge import Person, Replies, Stage, stage, until, watch
from ws_edge import draining, server, sweeping
from ws_edge.bounded_http import BoundedHttp
from ws_edge.bounded_websocket import BoundedWebSocket
from ws_edge.brief_session import BriefSession
from ws_edge.closing import Close
from ws_edge.dev_sign_in import DevSignIn
from ws_edge.draining import drain
from ws_edge.edge import edge
from ws_edge.event_stream import EventStream
from ws_edge.feed import Feed
from ws_edge.open_session import OpenSession
from ws_edge.server import listening_socket
from ws_edge.settings import EdgeSettings
from ws_edge.socket_writer import SocketWriter


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Stage]:
    async with stage(tmp_path) as running:
        yield running


async def test_something_is_said_at_least_every_heartbeat(tmp_path: Path) -> None:
    async with stage(tmp_path, heartbeat_seconds=1) as scene, scene.person() as person:
        before = time.monotonic()
        for _ in range(2):
            assert await person.hear() == {"type": "pong"}
        assert time.monotonic() - before <= 2.2


async def test_a_session_ends_when_its_token_does_unless_it_was_renewed(scene: Stage) -> None:
    brief = DevSignIn(b"for the tests of the edge, 32 bytes", session_hours=1.5 / 3600)
    async with scene.connected() as person, scene.connected() as renewing:
        for each in (person, renewing):
            await each.say(type="hello", token=brief.sign_in("asha")[0])
            await each.hear("ready")
        await renewing.say(type="hello", token=scene.token("asha"))
        await renewing.hear("ready")
        assert await person.closed() == (4401, "expired")
        await renewing.hears_nothing_more()


async def test_a_reader_that_pauses_gets_one_snapshot_for_all_it_missed(tmp_path: Path) -> None:
    async with (
        stage(tmp_path, outbox_bytes=20_000) as scene,
        scene.person(max_queue=1) as slow,
        scene.person() as quick,
    ):
        turn = Turn(slow.user_id)
        await watch(slow, turn)
        await watch(quick, turn)
        slow.socket.transport.pause_reading()  # type: ignore[attr-defined]
        scene.publish(slow.user_id, turn.started())
        for _ in range(15):
            scene.publish(slow.user_id, *(turn.delta("x" * 1000) for _ in range(100)))
            while (await quick.hear())["seq"] < seq_of(1, turn.n):
                pass
        slow.socket.transport.resume_reading()  # type: ignore[attr-defined]
        scene.publish(slow.user_id, turn.delta("last"), turn.completed())
        frames = [await slow.hear()]
        while frames[-1]["type"] != "completed":
            frames.append(await slow.hear())
        kinds = [frame["type"] for frame in frames]
        assert kinds.count("snapshot") >= 1
        assert len(frames) < 1200
        assert shown(frames) == turn.text


def shown(frames: list[dict[str, Any]]) -> str:
    """The answer, by the client rule; every frame must follow on the one before."""
    text, seq = "", -1
    for frame in frames:
        if frame["type"] == "snapshot":
            text = frame["text"]
        elif frame["type"] == "started":
            text = ""
        else:
            assert frame["seq"] == seq + 1
            text += frame.get("text", "")
        seq = frame["seq"]
    return text


async def test_a_reader_that_is_far_too_slow_is_closed_and_nobody_else_is(tmp_path: Path) -> None:
    limits = {"outbox_bytes": 20_000, "outbox_hard_bytes": 40_000}
    async with stage(tmp_path, **limits) as scene, scene.person(max_queue=1) as slow, scene.person() as quick:
        turn = Turn(slow.user_id)
        await watch(slow, turn)
        await watch(quick, turn)
        slow.socket.transport.pause_reading()  # type: ignore[attr-defined]
        await flood(scene, quick, turn, FLOOD_BYTES)
        slow.socket.transport.resume_reading()  # type: ignore[attr-defined]
        assert await slow.close_code() == 4409
        await quick.hears_nothing_more()


FLOOD_BYTES = 3_000_000
"""More than the kernel keeps for a connection, on both its ends."""


async def flood(scene: Stage, quick: Person, turn: Turn, byte_count: int) -> None:
    """Frames that never give way to a snapshot, as fast as `quick` reads them."""
    for _ in range(byte_count // 10_000):
        scene.publish(quick.user_id, *(turn.started() for _ in range(25)))
        while (await quick.hear())["seq"] < seq_of(turn.attempt, 0):
            pass


async def test_a_client_that_reads_nothing_is_cut_off_by_the_kernel(tmp_path: Path) -> None:
    """W1: no keepalive of the server's libraries would ever drop it."""
    limits = {"tcp_user_timeout_seconds": 0.5, "farewell_seconds": 0.1}
    async with stage(tmp_path, **limits) as scene, scene.person(max_queue=1) as dead, scene.person() as quick:
        turn = Turn(dead.user_id)
        await watch(dead, turn)
        await watch(quick, turn)
        dead.socket.transport.pause_reading()  # type: ignore[attr-defined]
        await flood(scene, quick, turn, FLOOD_BYTES)
        await until(lambda: len(server_sockets(scene)) == 1)
        assert len(scene.running.sessions) == 1
        await quick.hears_nothing_more()
        dead.socket.transport.abort()


def server_sockets(scene: Stage) -> list[Any]:
    port = urlsplit(scene.running.address).port
    connections = psutil.Process().net_connections("tcp")
    return [each for each in connections if each.laddr.port == port and each.status != psutil.CONN_LISTEN]


async def test_a_drain_says_so_spreads_the_closes_and_refuses_newcomers(tmp_path: Path) -> None:
    async with stage(tmp_path, drain_seconds=0.6) as scene:
        people = [await scene.open() for _ in range(8)]
        url, address = scene.websocket_url, scene.running.address
        closing = [asyncio.create_task(closed_after(person)) for person in people]
        newcomer = asyncio.create_task(knock_while_draining(url, people[0]))
        begun = time.monotonic()
    closed = sorted(moment - begun for moment in await asyncio.gather(*closing))
    assert await newcomer == 1012
    assert closed[-1] - closed[0] > 0.05
    assert closed[-1] < 0.6
    with pytest.raises(OSError):
        await websockets.connect(address.replace("http", "ws"), proxy=None)


async def closed_after(person: Person) -> float:
    draining = await person.hear("draining")
    assert draining["reconnect_within_ms"] == 600
    assert await person.close_code() == 1012
    return time.monotonic()


async def knock_while_draining(url: str, person: Person) -> int | None:
    await person.socket.wait_closed()
    async with websockets.connect(url, subprotocols=["samvad.v1"], proxy=None) as late:  # type: ignore[list-item]
        return await Person(late).close_code()


async def test_a_drain_does_not_wait_for_those_who_do_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "HTTP_GRACE_SECONDS", 0.2)
    async with stage(tmp_path, drain_seconds=0.4, farewell_seconds=0.2) as scene:
        stuck = await scene.open(max_queue=1)
        turn = Turn(stuck.user_id)
        await watch(stuck, turn)
        stuck.socket.transport.pause_reading()  # type: ignore[attr-defined]
        for _ in range(100):
            scene.publish(stuck.user_id, turn.started(), *(turn.delta("x" * 10_000) for _ in range(10)))
            await asyncio.sleep(0)
        begun = time.monotonic()
    assert time.monotonic() - begun < 5
    stuck.socket.transport.abort()


async def test_an_edge_that_must_hurry_closes_every_session_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(draining, "HURRIED_SECONDS", 0.1)
    everybody, empty, hurry = [Leaving() for _ in range(40)], asyncio.Event(), asyncio.Event()
    asyncio.get_running_loop().call_later(0.1, hurry.set)
    async with asyncio.timeout(5):  # though `empty` is never set
        await drain(everybody, empty, 60, hurry)
    assert {tuple(session.closes) for session in everybody} == {(1012,)}


class Leaving:
    """A session that takes its time to go."""

    def __init__(self) -> None:
        self.closes: list[int] = []

    def say(self, frame: ServerFrame) -> None:
        assert isinstance(frame, Draining)

    def close(self, close: Close) -> None:
        self.closes.append(close.code)


async def test_questions_under_way_are_finished_before_an_edge_goes(tmp_path: Path) -> None:
    async with stage(tmp_path) as scene:
        person = await scene.open()
        scene.requests.let_through.clear()
        await person.say(type="send", request_id=new_id(), conversation_id=new_id(), text="Why?")
        await person.hears_nothing_more()
        asyncio.get_running_loop().call_later(0.3, scene.requests.let_through.set)
    assert len(scene.requests.asked) == 1


async def test_nobody_is_let_in_before_the_last_replies_are_read(scene: Stage) -> None:
    scene.replies.ready.clear()
    async with scene.http(None) as http:
        assert (await http.get("/readyz")).status_code == 503
        assert (await http.get("/healthz")).status_code == 200
    async with scene.connected() as early:
        assert await early.close_code() == 1013
    scene.replies.ready.set()
    async with scene.person() as person:
        await person.hears_nothing_more()


@pytest.fixture
def nothing_older() -> None:
    """What there is already is out of the collector's sight: walking the whole test run's objects takes seconds."""
    gc.collect()
    gc.freeze()


@pytest.fixture
def nothing_collected(nothing_older: None) -> Iterator[None]:
    gc.disable()
    yield
    gc.enable()


PARTS = (OpenSession, EventStream, BriefSession, Feed, SocketWriter, BoundedWebSocket, BoundedHttp)


def parts_of_sessions() -> list[object]:
    """All that this test made, and that were not freed."""
    return [thing for thing in gc.get_objects() if issubclass(type(thing), PARTS)]


async def test_sessions_that_are_over_leave_nothing_behind_not_even_for_the_garbage_collector(
    nothing_collected: None, scene: Stage
) -> None:
    for _ in range(5):
        async with scene.person() as person:
            turn = Turn(person.user_id)
            await watch(person, turn)
            await person.say(type="send", request_id=new_id(), conversation_id=turn.conversation_id, text="Why?")
            await person.hear_all("accepted", "asked")
            await person.say(type="stop", turn_id=scene.requests.asked[-1].turn_id)
    told_twice = 2 * 5
    await until(lambda: not scene.running.sessions and len(scene.control.notices) == told_twice)
    await until(lambda: not parts_of_sessions())


async def test_event_streams_and_what_is_asked_over_rest_leave_nothing_behind_either(
    nothing_collected: None, scene: Stage
) -> None:
    turn = Turn(scene.user_id("asha"))
    question = {"request_id": new_id(), "conversation_id": turn.conversation_id, "text": "Why?"}
    scene.publish(turn.user_id, turn.started())
    async with scene.http() as http:
        for _ in range(5):
            async with streaming(scene, turn) as left:
                await left.frame()
            assert (await http.post("/v1/turns", json=question)).status_code == 202
            assert (await http.post(f"/v1/turns/{turn.turn_id}/stop")).status_code == 202
    async with streaming(scene, turn) as ended:
        await ended.frame()
        scene.publish(turn.user_id, turn.completed())
        assert [frame["type"] for frame in await ended.rest()] == ["completed"]
    await until(lambda: not scene.running.sessions and not parts_of_sessions())


async def test_a_fault_in_reading_replies_comes_out_of_the_edge(tmp_path: Path) -> None:
    async with stage(tmp_path) as scene:
        source = Replies()
        with pytest.raises(ExceptionGroup) as raised:
            async with edge(EdgeSettings(port=0), replace(scene.parts, source=source)):
                source.break_down(RuntimeError("the log is gone"))
                await asyncio.Event().wait()
        assert raised.group_contains(RuntimeError, match="the log is gone")


async def test_a_port_that_is_taken_is_an_error_at_once(scene: Stage) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(OSError, match="in use"):
            async with edge(EdgeSettings(port=taken.getsockname()[1]), scene.parts):
                pass


async def test_signals_stay_the_composition_roots(tmp_path: Path) -> None:
    before = signal.getsignal(signal.SIGTERM)
    async with stage(tmp_path):
        assert signal.getsignal(signal.SIGTERM) is before


def test_accepted_sockets_are_to_be_dropped_when_their_client_reads_nothing() -> None:
    with listening_socket(EdgeSettings(port=0, tcp_user_timeout_seconds=7)) as listener:
        listener.listen()
        with socket.create_connection(listener.getsockname()), listener.accept()[0] as accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 7000


async def test_unstarted_turns_are_named_again_and_silent_ones_looked_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweeping, "SWEEP_SECONDS", 0.02)
    async with stage(tmp_path) as scene, scene.person() as person:
        unstarted, silent = Turn(person.user_id), Turn(person.user_id)
        await watch(person, silent)
        scene.publish(person.user_id, unstarted.asked(), silent.started(), silent.delta("all"))
        await person.hear_all("started", "delta")
        row = silent.ended_row(silent.completed())
        assert await scene.store.turns.compare_and_set(row, None) is None
        published = len(scene.replies.published)
        await asyncio.sleep(0.1)
        assert len(scene.replies.published) == published
        scene.passes(seconds=100)
        assert (await person.hear("snapshot"))["status"] == "completed"
        assert scene.replies.published[published:] == [(person.user_id, unstarted.asked())]
