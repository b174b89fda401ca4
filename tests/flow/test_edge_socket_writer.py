"""The writer of one socket: at once while the client reads, by a task of its own while it does not, in order always."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from observability.edge_metrics import Tally
from schemas.errors import CloseCode
from tests.edge_turns import Turn
from tests.flow.running_edge import stage, watch
from ws_edge.closing import Close
from ws_edge.feed import Feed
from ws_edge.outbox import Outbox
from ws_edge.socket_writer import Message, SocketWriter, Ways
from ws_edge.turns_in_flight import TurnsInFlight
from ws_edge.websocket_protocol import WebsocketProtocol


class Client:
    """One that stops reading and goes on; `heard` is all it was sent."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        self.broken = 0
        self.reads = asyncio.Event()
        self.reads.set()
        ways = Ways(self._send, self._send_now, Tally([]))
        self.writer = SocketWriter(ways, 20, self._broke)
        self.feed = Feed("asha", TurnsInFlight(), Outbox(10**6, 10**6), self.writer.wake, self.writer.send_now)
        self.writer.drain(self.feed)

    def is_told(self, *texts: str) -> None:
        for text in texts:
            self.feed.push_unnumbered(text.encode())

    async def _send(self, message: Message) -> None:
        await self.reads.wait()
        self.heard.append(message.get("text") or str(message["code"]))

    def _send_now(self, raw: bytes) -> bool:
        if self.reads.is_set():
            self.heard.append(raw.decode())
        return self.reads.is_set()

    def _broke(self) -> None:
        self.broken += 1


async def test_who_reads_is_sent_each_frame_in_the_call_that_brings_it() -> None:
    client = Client()
    client.is_told("a", "b")
    assert client.heard == ["a", "b"]
    await client.writer.finish(None, 1)


async def test_frames_keep_their_order_when_a_client_stops_reading_and_goes_on() -> None:
    client = Client()
    client.is_told("a")
    client.reads.clear()
    client.is_told("b")
    await ready(lambda: not client.feed.outbox)  # it is in the task's hands
    client.reads.set()
    client.is_told("c", "d")  # the socket would take them
    assert client.heard == ["a"]
    await ready(lambda: len(client.heard) == 4)
    client.is_told("e")
    assert client.heard == ["a", "b", "c", "d", "e"]
    await client.writer.finish(None, 1)


async def test_what_waits_is_sent_before_the_close_and_nothing_after_it() -> None:
    client = Client()
    client.reads.clear()
    client.is_told("a", "b")
    asyncio.get_running_loop().call_soon(client.reads.set)
    await client.writer.finish(Close(CloseCode.RESTART), 5)
    client.reads.clear()
    client.is_told("too late")
    await asyncio.sleep(0)
    assert client.heard == ["a", "b", "1012"]
    assert client.broken == 0


async def test_a_client_that_never_reads_is_given_up_in_time() -> None:
    client = Client()
    client.reads.clear()
    client.is_told("a")
    async with asyncio.timeout(5):
        await client.writer.finish(Close(CloseCode.TOO_SLOW), 0.01)
    assert client.heard == []


async def test_the_real_server_sends_replies_at_once_and_not_by_messages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    messages: list[str] = []
    by_message = WebsocketProtocol.send

    async def noted(protocol: WebsocketProtocol, message: Any) -> None:
        messages.append(message["type"])
        await by_message(protocol, message)

    monkeypatch.setattr(WebsocketProtocol, "send", noted)
    async with stage(tmp_path) as scene, scene.person() as person:
        turn = Turn(person.user_id)
        await watch(person, turn)
        scene.publish(person.user_id, turn.started(), turn.delta("a"), turn.completed())
        await person.hear_all("started", "delta", "completed")
    assert "websocket.send" not in messages
    assert messages[0] == "websocket.accept"


async def ready(condition: Callable[[], bool]) -> None:
    """Turns of the loop until it is so."""
    for _ in range(100):
        if condition():
            return
        await asyncio.sleep(0)
    raise AssertionError("it never became so")
