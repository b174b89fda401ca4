"""A session's way to its socket, and what keeps the line alive.

In: frames, one by one as they are routed, or waiting in the feed. Out: text frames; a `pong` whenever nothing else was
said for half a heartbeat; at the end a close. Replies go out as the bytes they came in as: no JSON is decoded on their
way. A frame is written in the call that routes it, unless the socket holds back: then it waits in the feed for a task.
"""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any

import structlog

from observability.edge_metrics import Tally
from schemas import codec
from schemas.frames import Pong
from ws_edge.closing import Close
from ws_edge.feed import Feed
from ws_edge.text_now import SendNow

log = structlog.get_logger(__name__)

Message = MutableMapping[str, Any]
SendMessage = Callable[[Message], Awaitable[None]]

_PONG = codec.encode(Pong())


@dataclass(frozen=True, slots=True)
class Ways:
    """How a socket is written to: by ASGI messages, which wait for a slow client, or at once. `sent` counts frames."""

    send: SendMessage
    send_now: SendNow
    sent: Tally


class SocketWriter:
    """Has a task only while the client reads too slowly, so that it delays nobody else. `broken` is told of a bug."""

    __slots__ = ("_beat", "_beat_seconds", "_broken", "_feed", "_is_ending", "_said_since_beat", "_task", "_ways")

    def __init__(self, ways: Ways, heartbeat_seconds: float, broken: Callable[[], None]) -> None:
        self._ways = ways
        self._beat_seconds = heartbeat_seconds / 2
        self._broken = broken
        self._said_since_beat = False
        self._is_ending = False
        self._feed: Feed | None = None
        self._task: asyncio.Task[None] | None = None
        self._beat = asyncio.get_running_loop().call_later(self._beat_seconds, self._keep_alive)

    def drain(self, feed: Feed) -> None:
        """From now on this is the feed whose frames are sent."""
        self._feed = feed

    def send_now(self, raw: bytes) -> bool:
        """Sends a frame that comes after all others. False: it has to wait, as those before it do."""
        if self._task is not None or not self._ways.send_now(raw):
            return False
        self._note_sent(raw)
        return True

    def wake(self) -> None:
        """Something waits to be sent."""
        if self._task is None and not self._is_ending:
            self._task = asyncio.create_task(self._run())

    async def finish(self, close: Close | None, within_seconds: float) -> None:
        """Sends what was said before, then the close. Without one the client is gone, and nothing is sent."""
        self._beat.cancel()
        self._is_ending = True
        if close is None:
            await self._give_up()
            return
        try:
            async with asyncio.timeout(within_seconds):
                if self._task is not None:
                    await self._task
                await send_close(self._ways.send, close)
        except (OSError, TimeoutError):
            log.debug("close_not_heard", code=int(close.code))  # W2: the kernel drops such a client (W1)

    async def _give_up(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        """Until nothing waits any more: the next frame may go at once again."""
        try:
            while self._feed is not None and (raw := self._feed.next_to_send()) is not None:
                await self._ways.send({"type": "websocket.send", "text": raw.decode(errors="replace")})
                self._note_sent(raw)
            self._task = None
        except OSError:
            return  # the client is gone; the reader hears of it too
        except Exception:  # the edge of a connection
            log.exception("session_writer_broke")
            self._broken()

    def _note_sent(self, raw: bytes) -> None:
        self._ways.sent.add(codec.kind_of_encoded(raw))
        self._said_since_beat = True

    def _keep_alive(self) -> None:
        if self._feed is not None and not self._said_since_beat and not self._feed.outbox:
            self._feed.push_unnumbered(_PONG)
        self._said_since_beat = False
        self._beat = asyncio.get_running_loop().call_later(self._beat_seconds, self._keep_alive)


async def send_close(send: SendMessage, close: Close) -> None:
    """The websocket's close frame. Raises OSError when the client is gone."""
    await send({"type": "websocket.close", "code": int(close.code), "reason": close.reason})
