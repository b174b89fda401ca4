"""uvicorn's websocket protocol, with bounds on what a client may make it do and keep (G7, W1, W3).

In: bytes of one connection. Out: the same events as uvicorn's own, until the client sends more frames than it may:
then 4429. Every frame counts, for each costs the event loop 10 µs or more: messages, their fragments, pings and pongs,
of which the application sees the first only.

Three things are bounded beside the count. Pongs to a client that does not read: it is owed one, for the newest ping
(RFC 6455, 5.5.3). Fragments of a message: empty ones take memory, but count for nothing in `ws_max_size`. The time that
a connection whose session is over takes to read what is left.
"""

import asyncio
from typing import Any, ClassVar

from websockets.frames import Frame
from websockets.http11 import Request

from schemas.errors import CloseCode
from ws_edge.bucket import Bucket
from ws_edge.settings import EdgeSettings
from ws_edge.websocket_protocol import WebsocketProtocol

FRAMES_FOR_EACH_MESSAGE = 2
"""So that a client which keeps to its frames per second may send as many pings, pongs and fragments beside them."""
SLICE_BYTES = 4096
"""What is parsed before frames are counted again: 680 of the smallest, some 7 ms of the event loop."""
MAX_FRAGMENTS = 1024
LINGER_SECONDS = 60.0
"""A close frame stands behind what was sent before it; who takes longer to read that is cut off."""
VERSION = "13"
_PONG_HEAD = b"\x8a"


class BoundedWebSocket(WebsocketProtocol):
    """One connection. `bounded_websocket` gives a class with an edge's limits."""

    frames_per_second: ClassVar[float] = 100
    frame_burst: ClassVar[int] = 200

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._bucket = Bucket(self.frames_per_second, self.frame_burst, self.loop.time())
        self._owed_pong = b""
        self._linger: asyncio.TimerHandle | None = None

    def data_received(self, data: bytes) -> None:
        for begin in range(0, len(data), SLICE_BYTES):
            if self.transport.is_closing():
                return
            super().data_received(data[begin : begin + SLICE_BYTES])

    def handle_connect(self, event: Request) -> None:
        """Of another version is answered with the one that there is (RFC 6455, 4.4); websockets says 400."""
        versions = event.headers.get_all("Sec-WebSocket-Version")
        if versions in ([], [VERSION]):
            super().handle_connect(event)
            return
        response = self.conn.reject(426, "There is only version 13 here.\n")
        response.headers["Sec-WebSocket-Version"] = VERSION
        self.handshake_complete = self.close_sent = True
        self.conn.send_response(response)
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._linger is not None:
            self._linger.cancel()
        super().connection_lost(exc)

    def resume_writing(self) -> None:
        super().resume_writing()
        owed, self._owed_pong = self._owed_pong, b""
        if owed and not self.close_sent:
            self.transport.write(owed)

    def handle_text(self, event: Frame) -> None:
        if self._may_go_on():
            super().handle_text(event)

    def handle_bytes(self, event: Frame) -> None:
        if self._may_go_on():
            super().handle_bytes(event)

    def handle_cont(self, event: Frame) -> None:
        if len(self.frames) >= MAX_FRAGMENTS:
            self._fail(CloseCode.TOO_BIG, "too many fragments")
        elif self._may_go_on():
            super().handle_cont(event)

    def handle_pong(self, event: Frame) -> None:
        if self._may_go_on():
            super().handle_pong(event)

    def handle_ping(self) -> None:
        if not self._may_go_on():
            return
        output = self.conn.data_to_send()
        if not self.writable.is_set():
            pongs = [raw for raw in output if raw[:1] == _PONG_HEAD]
            self._owed_pong = pongs[-1] if pongs else self._owed_pong
            output = [raw for raw in output if raw[:1] != _PONG_HEAD]
        self.transport.write(b"".join(output))

    def keepalive_timeout(self) -> None:
        """No pong in time: a dead client hears nothing of this, and one that reads too slowly should resume."""
        self.pong_timer = self.pending_ping_payload = None
        if not (self.close_sent or self.transport.is_closing()):
            self._fail(CloseCode.TOO_SLOW, CloseCode.TOO_SLOW.name.lower())

    def on_task_complete(self, task: asyncio.Task[None]) -> None:
        """The session is over."""
        super().on_task_complete(task)
        if not self.disconnected:
            self._linger = self.loop.call_later(LINGER_SECONDS, self.transport.abort)

    def _may_go_on(self) -> bool:
        if self._bucket.take(self.loop.time()):
            return True
        if self.close_sent:
            self.transport.close()  # it was told, and goes on
        else:
            self._fail(CloseCode.TOO_MANY_FRAMES, CloseCode.TOO_MANY_FRAMES.name.lower())
        return False

    def _fail(self, code: int, reason: str) -> None:
        self.frames = []
        self.conn.fail(code, reason)
        self.handle_parser_exception()  # sends the close, tells the application, and reads nothing more


def bounded_websocket(settings: EdgeSettings) -> type[BoundedWebSocket]:
    """The protocol class for an edge's server."""
    limits = {
        "frames_per_second": FRAMES_FOR_EACH_MESSAGE * settings.frames_per_second,
        "frame_burst": FRAMES_FOR_EACH_MESSAGE * settings.frame_burst,
    }
    return type("BoundedWebSocketOfEdge", (BoundedWebSocket,), limits)
