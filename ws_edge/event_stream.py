"""One turn's frames over plain HTTP, for networks that block websockets: a feed that watches, drained into events.

In: a turn of the user's, and the last seq that the client applied. Out: the missing frames or one snapshot, then what
happens, until the turn's end; all of it by the very same feed and watching as a session's (`watching.py`). A client
that has gone is noticed at once, one that reads nothing is cut off, and everybody has to come back now and then: then
it is asked again who it is.
"""

import asyncio
import random
import uuid
from contextlib import suppress
from dataclasses import dataclass

import structlog
from starlette.responses import Response

from observability.edge_metrics import EdgeMetrics
from schemas import codec
from schemas.client_frames import Watch
from schemas.errors import CloseCode, ErrorCode
from schemas.frames import Draining, ServerFrame
from ws_edge.client_address import client_address
from ws_edge.clocks import Clocks
from ws_edge.closing import Close, SignInEnd, not_signed_in
from ws_edge.coming_back import retry_after
from ws_edge.connected import Connected
from ws_edge.events import COMMENT, encoded, event_of, is_bug, retry_field
from ws_edge.feed import NOTHING_SEEN, Feed
from ws_edge.finding_turns import Place
from ws_edge.hub import Hub
from ws_edge.open_session import Receive
from ws_edge.outbox import Outbox
from ws_edge.request_pace import PaceParts
from ws_edge.rest_errors import response
from ws_edge.settings import EdgeSettings
from ws_edge.sign_in import Identity
from ws_edge.signing_in.signed_in_sockets import SignedInSockets
from ws_edge.socket_writer import Message, SendMessage
from ws_edge.watching import Watcher

log = structlog.get_logger(__name__)

STREAM_SECONDS = 300.0
"""No stream lives longer, nor longer than its token: whoever comes back has signed in, also now."""
RETRY_MS = (500, 2_500)
"""Browsers come back after so long, each after another time: no stampede when an edge is gone."""
TURN_ENDED, RENEWAL = "turn_ended", "renewal"
"""Why streams end, beside the reasons that sessions have."""
HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
]


@dataclass(frozen=True, slots=True)
class StreamParts:
    """What every stream of an edge works with."""

    settings: EdgeSettings
    hub: Hub
    watcher: Watcher
    connected: Connected
    signed_in: SignedInSockets
    metrics: EdgeMetrics
    clocks: Clocks


class EventStream:
    """A stream; `run` returns when it is over. `notices_taken`: how many sign-outs this edge had heard of when the
    identity was asked for.
    """

    def __init__(
        self, parts: StreamParts, identity: Identity, place: Place, cursor: int | None, notices_taken: int
    ) -> None:
        self._parts = parts
        self._notices_taken = notices_taken
        self.identity = identity
        self._place = place
        self._cursor = NOTHING_SEEN if cursor is None else cursor
        outbox = Outbox(parts.settings.outbox_bytes, parts.settings.outbox_hard_bytes)
        self._feed = Feed(identity.user_id, parts.hub.turns, outbox, self._wake)
        self._beat_seconds = parts.settings.heartbeat_seconds / 2
        self._loop = asyncio.get_running_loop()
        self._news = asyncio.Event()
        self._said_at = self._loop.time()
        self._ended_by: str | None = None
        self._draining: Draining | None = None
        self._deadline = asyncio.timeout(None)

    async def run(self, receive: Receive, send: SendMessage) -> None:
        """Never raises for what a client does."""
        self._parts.hub.join(self._feed)
        seconds, reason = self._lifetime()
        renewal = self._loop.call_later(seconds, self._end, reason)
        self._parts.signed_in.join(self.identity.user_id, self, self._notices_taken)
        try:
            with self._parts.connected.during(self):
                await self._write_until_gone(receive, send)
        except Exception:  # the edge of a connection: its bug is no other's
            log.exception("stream_broke", turn_id=self._place.turn_id)
        finally:
            renewal.cancel()
            self._parts.signed_in.leave(self.identity.user_id, self)
            self._parts.watcher.leave(self._feed)
            self._parts.metrics.closed(self._ended_by)
            log.info("stream_ended", turn_id=self._place.turn_id, by=self._ended_by)

    def _lifetime(self) -> tuple[float, str]:
        """Seconds from now, and why the stream ends then."""
        seconds_left = self.identity.expires_at - self._parts.clocks.epoch_ms() / 1000
        if seconds_left < STREAM_SECONDS:
            return seconds_left, not_signed_in(SignInEnd.EXPIRED).name
        return STREAM_SECONDS, RENEWAL

    def say(self, frame: ServerFrame) -> None:
        """The drain's word: the stream goes on, and its last event will say it."""
        if isinstance(frame, Draining):
            self._draining = frame

    def close(self, close: Close) -> None:
        """Ends the stream. What was said before is still sent, unless the client is too slow to hear it."""
        self._end(close.name)
        if close.code is CloseCode.TOO_SLOW:
            with suppress(RuntimeError):  # it is over already
                self._deadline.reschedule(self._loop.time())

    def _end(self, by: str) -> None:
        if self._ended_by is not None:
            return
        self._ended_by = by
        self._news.set()
        with suppress(RuntimeError):
            self._deadline.reschedule(self._loop.time() + self._parts.settings.farewell_seconds)

    def _wake(self) -> None:
        self._news.set()
        if self._feed.outbox.is_overflowed:
            self.close(Close(CloseCode.TOO_SLOW))

    async def _write_until_gone(self, receive: Receive, send: SendMessage) -> None:
        tasks = [asyncio.create_task(self._write(send)), asyncio.create_task(_until_gone(receive))]
        try:
            async with self._deadline:
                await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        except TimeoutError:
            log.debug("stream_cut_off", turn_id=self._place.turn_id)  # W2: the kernel drops such a client (W1)
        finally:
            for task in tasks:
                task.cancel()
            results = await asyncio.gather(*tasks, return_exceptions=True)
        for bug in (result for result in results if isinstance(result, Exception) and not isinstance(result, OSError)):
            raise bug

    async def _write(self, send: SendMessage) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
        await self._send(send, retry_field(random.randint(*RETRY_MS)))
        after = {uuid.UUID(self._place.turn_id): self._cursor}
        self._parts.watcher.watch(self._feed, Watch(uuid.UUID(self._place.conversation_id), after))
        while self._ended_by is None:
            await self._wait_for_news(send)
            await self._drain(send)
        if self._draining is not None and self._ended_by != TURN_ENDED:
            await self._send(send, _farewell(self._draining))
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _wait_for_news(self, send: SendMessage) -> None:
        """Whatever else the feed is told of: something is said to the client in every heartbeat."""
        try:
            async with asyncio.timeout_at(self._said_at + self._beat_seconds):
                await self._news.wait()
        except TimeoutError:
            await self._send(send, COMMENT)
        self._news.clear()

    async def _drain(self, send: SendMessage) -> None:
        while self._ended_by != TURN_ENDED and (raw := self._feed.next_to_send()) is not None:
            event = event_of(raw, self._place.turn_id)
            if event is not None:
                await self._send(send, event.raw)
                self._parts.metrics.sent.add(event.kind)
                if event.is_end:
                    self._end(TURN_ENDED)
            elif is_bug(raw):
                self._end(CloseCode.INTERNAL.name.lower())

    async def _send(self, send: SendMessage, raw: bytes) -> None:
        await send({"type": "http.response.body", "body": raw, "more_body": True})
        self._said_at = self._loop.time()


class EventStreamResponse(Response):
    """The stream as a route's answer; or 429, if its address may not open another connection."""

    def __init__(self, stream: EventStream, pace: PaceParts) -> None:
        super().__init__()
        self._stream = stream
        self._pace = pace

    async def __call__(self, scope: Message, receive: Receive, send: SendMessage) -> None:
        addresses, address = self._pace.addresses, client_address(scope)
        refused = addresses.refusal_of_connection(address, self._pace.clocks.now())
        if refused is not None:
            self._pace.metrics.requests_refused()
            headers = retry_after(refused.seconds * 1000)
            await response(429, ErrorCode.TOO_MANY_REQUESTS, headers)(scope, receive, send)
            return
        with addresses.counted(address):
            await self._stream.run(receive, send)


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _farewell(draining: Draining) -> bytes:
    """The last event of an edge that goes away: another one is there, after a pause that differs from all others'."""
    within_ms = draining.reconnect_within_ms
    return retry_field(random.randint(0, within_ms)) + encoded(["event: draining"], codec.encode(draining))
