"""What one connection may make the edge do and keep: pongs, fragments, heads, and the time to go."""

import asyncio
import gc
import os
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from schemas.errors import CloseCode
from tests.edge_turns import Turn
from tests.flow.admin_pages import scraped
from tests.flow.raw_websocket import (
    CONTINUATION,
    PING,
    PONG,
    TEXT,
    close,
    frame,
    raw_connection,
    raw_websocket,
    text,
    upgrade_request,
)
from tests.flow.running_edge import Stage, stage, until, watch
from ws_edge import bounded_http, bounded_websocket
from ws_edge.bounded_http import MAX_HEAD_BYTES
from ws_edge.bounded_websocket import MAX_FRAGMENTS, SLICE_BYTES, BoundedWebSocket
from ws_edge.closing import Close

UNHURRIED = {"frames_per_second": 1e9, "frame_burst": 10**9}
HIGH_WATER_BYTES = 64 * 1024
"""asyncio's and uvloop's default."""


def connections() -> list[BoundedWebSocket]:
    """The edge's ends of all that are open."""
    found = [thing for thing in gc.get_objects() if issubclass(type(thing), BoundedWebSocket)]
    return [each for each in found if not each.disconnected and each.transport is not None]


async def closed_by(scene: Stage, reason: str) -> float:
    assert scene.monitored.address is not None
    return (await scraped(scene.monitored.address))("samvad_sessions_closed_total", by=reason)


async def test_pongs_to_a_client_that_does_not_read_take_no_memory_and_the_newest_ping_is_answered(
    tmp_path: Path,
) -> None:
    """3 MB of pings; every one was answered into a buffer without end before (W3)."""
    async with (
        stage(tmp_path, **UNHURRIED) as scene,
        raw_websocket(scene.running.address, scene.token("asha")) as flooding,
        scene.person("ravi") as other,
    ):
        (there,) = [each for each in connections() if each.client == flooding.writer.get_extra_info("sockname")]
        most = 0
        flooding.reader._transport.pause_reading()  # type: ignore[attr-defined]
        for n in range(24):
            flooding.writer.write(frame(PING, b"%3d" % n + b"x" * 122) * 1000)
            await other.hears_nothing_more()
            await flooding.writer.drain()
            most = max(most, there.transport.get_write_buffer_size())
        assert HIGH_WATER_BYTES < most <= HIGH_WATER_BYTES + 2 * SLICE_BYTES
        flooding.reader._transport.resume_reading()  # type: ignore[attr-defined]
        payload = b""
        while not payload.startswith(b" 23"):
            opcode, payload = await flooding.frame()
            assert opcode == PONG
        await flooding.send(text(type="ping", nonce="done"))
        opcode = PONG
        while opcode == PONG:
            opcode, payload = await flooding.frame()
        assert b"done" in payload


@pytest.mark.parametrize("opcode", [PING, PONG])
async def test_who_floods_control_frames_is_closed_4429_and_counted(tmp_path: Path, opcode: int) -> None:
    async with (
        stage(tmp_path, frame_burst=10) as scene,
        raw_websocket(scene.running.address, scene.token("asha")) as flooding,
        scene.person("ravi") as other,
    ):
        await flooding.send(frame(opcode, b"x") * 1000)
        assert await flooding.closed() == 4429
        assert await flooding.ended()
        await other.hears_nothing_more()
        await until(lambda: len(scene.running.sessions) == 1)
        assert await closed_by(scene, "too_many_frames") == 1


async def test_a_client_within_its_limits_may_send_as_many_pings_beside_its_messages(tmp_path: Path) -> None:
    async with (
        stage(tmp_path, frame_burst=10, frames_per_second=0.001) as scene,
        raw_websocket(scene.running.address, scene.token("asha")) as socket,
    ):
        for _ in range(9):
            await socket.send(frame(PING), text(type="ping"))
            assert {(await socket.frame())[0] for _ in range(2)} == {PONG, TEXT}
        await socket.send(text(type="ping"))
        assert await socket.closed() == 4429


async def test_who_was_told_and_floods_on_is_cut_off(tmp_path: Path) -> None:
    async with (
        stage(tmp_path, frame_burst=10) as scene,
        raw_websocket(scene.running.address, scene.token("asha")) as flooding,
    ):
        await flooding.send(frame(2, b"binary"))
        assert await flooding.closed() == 1003
        with pytest.raises(ConnectionError):
            while True:  # for up to 10 s the edge would wait for the end of the closing handshake
                await flooding.send(frame(PONG) * 10)
                await asyncio.sleep(0.001)


async def test_a_message_in_fragments_without_end_is_too_big(tmp_path: Path) -> None:
    async with (
        stage(tmp_path, **UNHURRIED) as scene,
        raw_websocket(scene.running.address, scene.token("asha")) as socket,
    ):
        await socket.send(frame(TEXT, b'{"type":"ping"}', fin=False), frame(CONTINUATION, fin=False) * 500)
        await socket.send(frame(CONTINUATION))
        assert (await socket.hear())["type"] == "pong"
        await socket.send(frame(TEXT, b"{}", fin=False), frame(CONTINUATION, fin=False) * MAX_FRAGMENTS)
        assert await socket.closed() == 1009


async def test_who_answers_no_ping_in_time_is_closed_4409(tmp_path: Path) -> None:
    async with (
        stage(tmp_path, heartbeat_seconds=1) as scene,
        raw_websocket(scene.running.address, scene.token("asha")) as silent,
    ):
        assert await silent.closed() == 4409
        await until(lambda: not scene.running.sessions)
        assert await closed_by(scene, "too_slow") == 1


async def test_a_connection_whose_session_is_over_is_cut_off_when_nobody_reads_what_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bounded_websocket, "LINGER_SECONDS", 0.2)
    limits = {"outbox_bytes": 20_000, "outbox_hard_bytes": 40_000, "farewell_seconds": 0.1}
    async with stage(tmp_path, **limits) as scene:
        stuck = await scene.open(max_queue=1)
        turn = Turn(stuck.user_id)
        await watch(stuck, turn)
        stuck.socket.transport.pause_reading()  # type: ignore[attr-defined]
        for _ in range(300):
            scene.publish(stuck.user_id, turn.started(), turn.delta("x" * 10_000))
            await asyncio.sleep(0)
        for session in list(scene.running.sessions):
            session.close(Close(CloseCode.RESTART))
        await until(lambda: not scene.running.sessions)
        await until(lambda: not connections())
        stuck.socket.transport.abort()


async def test_a_head_without_end_is_refused(tmp_path: Path) -> None:
    async with stage(tmp_path) as scene, raw_connection(scene.running.address) as socket:
        await socket.send(b"GET /v1/models HTTP/1.1\r\nhost: edge\r\nx: ", b"x" * MAX_HEAD_BYTES)
        status, _ = await socket.head()
        assert status == 400
    async with stage(tmp_path) as scene, raw_connection(scene.running.address) as socket:
        with pytest.raises((ConnectionError, EOFError)):
            for _ in range(10_000):  # many small ones
                await socket.send(b"x-%b: y\r\n" % os.urandom(8).hex().encode())
                await asyncio.sleep(0)


async def test_a_head_that_is_long_enough_for_cookies_is_read(tmp_path: Path) -> None:
    async with stage(tmp_path) as scene, raw_connection(scene.running.address) as socket:
        for _ in range(3):  # on one connection: each head counts for itself
            await socket.send(b"GET /healthz HTTP/1.1\r\nhost: edge\r\ncookie: ", b"x" * 30_000, b"\r\n\r\n")
            status, headers = await socket.head()
            assert status == 200
            await socket.reader.readexactly(int(headers["content-length"]))


@pytest.mark.parametrize(
    "sent", [b"", b"GET /v1/ws HTTP/1.1\r\nhost: e", b"GET /healthz HTTP/1.1\r\nhost: e\r\n\r\nGET"]
)
async def test_a_connection_that_asks_for_nothing_is_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sent: bytes
) -> None:
    monkeypatch.setattr(bounded_http, "HEAD_SECONDS", 0.3)
    async with stage(tmp_path) as scene, raw_connection(scene.running.address) as idle:
        await idle.send(sent)
        async with asyncio.timeout(4):  # uvicorn's own limit, between two requests, is 5 s
            await idle.reader.read()


@pytest.mark.parametrize("sent", [b"", b"{"])
async def test_a_request_whose_body_does_not_come_is_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sent: bytes
) -> None:
    monkeypatch.setattr(bounded_http, "BODY_SECONDS", 0.3)
    head = b"POST /v1/dev/sign-in HTTP/1.1\r\nhost: localhost\r\ncontent-length: 99\r\n\r\n"
    async with stage(tmp_path) as scene, raw_connection(scene.running.address) as slow:
        await slow.send(head + sent)
        async with asyncio.timeout(4):
            await slow.reader.read()


async def test_blank_lines_keep_no_connection_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounded_http, "HEAD_SECONDS", 0.3)
    async with stage(tmp_path) as scene, raw_connection(scene.running.address) as idle:
        await idle.send(b"GET /healthz HTTP/1.1\r\nhost: e\r\n\r\n")
        _, headers = await idle.head()
        await idle.reader.readexactly(int(headers["content-length"]))
        await idle.send(b"\r\n")
        async with asyncio.timeout(4):
            await idle.reader.read()


async def test_an_upgraded_connection_has_no_time_limit_for_its_head(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bounded_http, "HEAD_SECONDS", 0.1)
    async with stage(tmp_path) as scene, raw_connection(scene.running.address) as socket:
        await socket.send(upgrade_request(urlsplit(scene.running.address).netloc))
        assert (await socket.head())[0] == 101
        await asyncio.sleep(0.2)
        await socket.send(text(type="hello", token=scene.token("asha")))
        assert (await socket.hear())["type"] == "ready"
        await socket.send(close(1000))
        assert await socket.closed() == 1000
