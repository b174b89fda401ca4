"""The short way out: a frame is sent in the call that routes it, but never before one that waits."""

import pytest
from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.protocol import State
from websockets.uri import parse_uri

from ws_edge.feed import Feed
from ws_edge.outbox import Outbox
from ws_edge.text_now import EXTENSION, never, send_now_of, text_frame
from ws_edge.turns_in_flight import TurnsInFlight


@pytest.mark.parametrize("length", [0, 1, 125, 126, 127, 65_535, 65_536, 200_000])
def test_a_frame_of_any_length_is_read_as_it_was_written(length: int) -> None:
    payload = b"x" * length
    assert read(text_frame(payload)) == payload


def test_text_of_any_language_stays_and_what_is_not_utf8_is_replaced() -> None:
    assert read(text_frame("संवाद".encode())) == "संवाद".encode()
    assert read(text_frame(b"a\xffb")).decode() == "a�b"


def test_a_server_without_the_extension_is_sent_nothing_at_once() -> None:
    assert send_now_of({"extensions": {}}) is never
    assert send_now_of({"extensions": {EXTENSION: {"send": bool}}}) is bool
    assert never(b"x") is False


class Socket:
    """Takes frames at once while it is `open`; `woken` counts the calls for those that wait."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.is_open = True
        self.woken = 0
        self.feed = Feed("asha", TurnsInFlight(), Outbox(10**6, 10**6), self._wake, self._send_now)

    def _send_now(self, raw: bytes) -> bool:
        if self.is_open:
            self.sent.append(raw)
        return self.is_open

    def _wake(self) -> None:
        self.woken += 1


def test_a_frame_before_which_none_waits_is_sent_without_a_wake_up() -> None:
    socket = Socket()
    socket.feed.push_unnumbered(b"first")
    socket.feed.push_unnumbered(b"second")
    assert (socket.sent, socket.woken, len(socket.feed.outbox)) == ([b"first", b"second"], 0, 0)


def test_a_frame_behind_a_waiting_one_waits_too() -> None:
    socket = Socket()
    socket.is_open = False
    socket.feed.push_unnumbered(b"first")
    socket.is_open = True
    socket.feed.push_unnumbered(b"second")
    assert (socket.sent, socket.woken) == ([], 2)
    assert [socket.feed.next_to_send(), socket.feed.next_to_send()] == [b"first", b"second"]
    socket.feed.push_unnumbered(b"third")
    assert socket.sent == [b"third"]


def read(data: bytes) -> bytes:
    """As a client's library reads it."""
    client = ClientProtocol(parse_uri("ws://127.0.0.1/"), state=State.OPEN)
    client.receive_data(data)
    (frame,) = client.events_received()
    assert isinstance(frame, Frame)
    assert frame.opcode is Opcode.TEXT
    return bytes(frame.data)
