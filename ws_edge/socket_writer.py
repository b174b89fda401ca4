"""Drains one session's feed into its socket, and keeps the line alive.

In: wake-ups. Out: text frames; a `pong` whenever nothing else was said for half a heartbeat; at the end a close.
Replies go out as the bytes they came in as: no JSON is decoded on their way.
"""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import structlog

from observability.edge_metrics import Tally
from schemas import codec
from schemas.frames import Pong
from ws_edge.close_codes import Close
from ws_edge.feed import Feed

log = structlog.get_logger(__name__)

Message = MutableMapping[str, Any]
SendMessage = Callable[[Message], Awaitable[None]]

_PONG = codec.encode(Pong())


class SocketWriter:
    """A task of its own, so that a client which reads slowly delays nobody else. `broken` is told of a bug."""

    def __init__(
        self, feed: Feed, send: SendMessage, heartbeat_seconds: float, broken: Callable[[], None], sent: Tally
    ) -> None:
        self._feed = feed
        self._send = send
        self._beat_seconds = heartbeat_seconds / 2
        self._broken = broken
        self._sent = sent
        self._news = asyncio.Event()
        self._is_ending = False
        self._said_since_beat = False
        self._task = asyncio.create_task(self._run())
        self._beat = asyncio.get_running_loop().call_later(self._beat_seconds, self._keep_alive)

    def wake(self) -> None:
        """There is something to send."""
        self._news.set()

    async def finish(self, close: Close | None, within_seconds: float) -> None:
        """Sends what was said before, then the close. Without one the client is gone, and nothing is sent."""
        self._beat.cancel()
        self._is_ending = True
        self._news.set()
        if close is None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            return
        try:
            async with asyncio.timeout(within_seconds):
                await self._task
                await send_close(self._send, close)
        except (OSError, TimeoutError):
            log.debug("close_not_heard", code=int(close.code))  # W2: the kernel drops such a client (W1)

    async def _run(self) -> None:
        try:
            while not self._is_ending:
                await self._news.wait()
                self._news.clear()
                await self._drain()
        except OSError:
            return  # the client is gone; the reader hears of it too
        except Exception:  # the edge of a connection
            log.exception("session_writer_broke")
            self._broken()

    async def _drain(self) -> None:
        while (raw := self._feed.next_to_send()) is not None:
            await self._send({"type": "websocket.send", "text": raw.decode(errors="replace")})
            self._sent.add(codec.kind_of_encoded(raw))
            self._said_since_beat = True

    def _keep_alive(self) -> None:
        if not self._said_since_beat and not self._feed.outbox:
            self._feed.push_unnumbered(_PONG)
        self._said_since_beat = False
        self._beat = asyncio.get_running_loop().call_later(self._beat_seconds, self._keep_alive)


async def send_close(send: SendMessage, close: Close) -> None:
    """The websocket's close frame. Raises OSError when the client is gone."""
    await send({"type": "websocket.close", "code": int(close.code), "reason": close.reason})
