"""One open socket from its upgrade to its end: the reader, which only parses and acts (W4, W11).

In: ASGI messages of one accepted websocket. Out: whatever its frames lead to, and the close code that says why it
ended. Sending is the writer's, in a task of its own.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass

import structlog

from observability.edge_metrics import EdgeMetrics
from schemas.client_frames import Regenerate, Send, Stop, Unwatch, Watch
from schemas.errors import CloseCode, ErrorCode
from schemas.frames import ServerFrame, error_frame
from ws_edge.asking import Asking
from ws_edge.clocks import Clocks
from ws_edge.closing import Close, SignInEnd, close_reason_of, not_signed_in
from ws_edge.feed import Feed
from ws_edge.hub import Hub
from ws_edge.outbox import Outbox
from ws_edge.session import CheckToken, Do, Effect, Say, Session
from ws_edge.settings import EdgeSettings
from ws_edge.sign_in import Identity, NotSignedIn, SignInUnavailable
from ws_edge.signing_in.signed_in_sockets import SignedInSockets
from ws_edge.socket_writer import Message, SendMessage, SocketWriter, Ways, send_close
from ws_edge.stopping import Stopping
from ws_edge.text_now import SendNow, never
from ws_edge.watching import Watcher

log = structlog.get_logger(__name__)

Receive = Callable[[], Awaitable[Message]]


@dataclass(frozen=True, slots=True)
class SessionSignIn:
    """How a session finds out whose it is, and where it hears that this has ended."""

    check: Callable[[str], Awaitable[Identity]]
    check_cookie: Callable[[str], Awaitable[Identity]]
    sockets: SignedInSockets


@dataclass(frozen=True, slots=True)
class SessionParts:
    """What every session of an edge works with."""

    settings: EdgeSettings
    sign_in: SessionSignIn
    hub: Hub
    watcher: Watcher
    asking: Asking
    stopping: Stopping
    clocks: Clocks
    metrics: EdgeMetrics


class OpenSession:
    """A session; `run` returns when it is over."""

    def __init__(
        self,
        parts: SessionParts,
        receive: Receive,
        send: SendMessage,
        cookie: str | None = None,
        send_now: SendNow = never,
    ) -> None:
        self._parts = parts
        self._receive = receive
        self._send = send
        self._send_now = send_now
        self._loop = asyncio.get_running_loop()
        self._session = Session(parts.settings, parts.clocks.now(), parts.metrics.received)
        self._deadline = asyncio.timeout(parts.settings.hello_seconds)
        self._closing: Close | None = None
        self._ended_by: str | None = None
        self._feed: Feed | None = None
        self._writer: SocketWriter | None = None
        self._cookie = cookie
        self._renewing: asyncio.Task[None] | None = None
        self._is_unsure = False

    @property
    def identity(self) -> Identity | None:
        """Who signed in; None before."""
        return self._session.identity

    async def run(self) -> None:
        """Never raises for what a client does."""
        try:
            await self._read()
        except Exception:  # the edge of a connection: its bug is no other's
            log.exception("session_broke", session_id=self._session.session_id)
            self.close(Close(CloseCode.INTERNAL))
        finally:
            await self._end()
            self._writer = None  # it refers back to this object, which no garbage collector should need

    def say(self, frame: ServerFrame) -> None:
        """Tells the client something, if it has signed in."""
        if self._feed is not None:
            self._feed.say(frame)

    def close(self, close: Close) -> None:
        """Ends the session. What was said before is still sent, unless the client is too slow to hear it."""
        if self._closing is not None:
            return
        self._closing = close
        if close.code is CloseCode.TOO_SLOW and self._feed is not None:
            self._feed.outbox.clear()
        with suppress(RuntimeError):  # it is over already
            self._deadline.reschedule(self._loop.time())

    async def _read(self) -> None:
        try:
            async with self._deadline:
                if self._cookie is not None:
                    await self._sign_in_by_cookie(self._cookie)
                while self._closing is None:
                    message = await self._receive()
                    if message["type"] == "websocket.disconnect" or self._has_ended():
                        self._ended_by = close_reason_of(message.get("code"))
                        return
                    await self._take(message)
        except TimeoutError:  # no hello in time, the session expired, or `close` was called
            late = not_signed_in(SignInEnd.HELLO_TIMEOUT if self.identity is None else SignInEnd.EXPIRED)
            self.close(Close(CloseCode.OVERLOADED) if self._is_unsure else late)

    def _has_ended(self) -> bool:
        """Also while a message was waited for: after a sign-out nothing that comes changes anything."""
        return self._closing is not None

    async def _end(self) -> None:
        if self._renewing is not None:
            self._renewing.cancel()
        if self._feed is not None:
            self._parts.watcher.leave(self._feed)
            self._parts.sign_in.sockets.leave(self._feed.user_id, self)
        code = None if self._closing is None else int(self._closing.code)
        self._parts.metrics.closed(self._ended_by if self._closing is None else self._closing.name)
        log.info("session_ended", session_id=self._session.session_id, code=code)
        if self._writer is not None:
            await self._writer.finish(self._closing, self._parts.settings.farewell_seconds)
        elif self._closing is not None:
            with suppress(OSError):
                await send_close(self._send, self._closing)

    async def _take(self, message: Message) -> None:
        text = message.get("text")
        for effect in self._session.take(message.get("bytes") or b"" if text is None else text, self._now()):
            if isinstance(effect, CheckToken) and self._feed is None:
                await self._sign_in(effect.token)  # nothing else is read meanwhile; `hello_seconds` bound it
            else:
                self._carry_out(effect)

    def _carry_out(self, effect: Effect) -> None:
        match effect:
            case Say(frame):
                self.say(frame)
            case CheckToken(token):
                self._renew_soon(token)
            case Close():
                self.close(effect)
            case Do(frame) if self._feed is not None:
                self._do(self._feed, frame)

    def _do(self, feed: Feed, frame: Send | Regenerate | Stop | Watch | Unwatch) -> None:
        match frame:
            case Send() | Regenerate():
                self._parts.asking.ask(feed, frame)
            case Stop():
                self._parts.stopping.stop(feed, frame)
            case Watch():
                self._parts.watcher.watch(feed, frame)
            case Unwatch():
                self._parts.watcher.unwatch(feed, str(frame.conversation_id))

    async def _sign_in_by_cookie(self, cookie: str) -> None:
        """One that is no good is as none: the page may have a ticket."""
        with suppress(NotSignedIn):
            await self._check(self._parts.sign_in.check_cookie(cookie))

    async def _sign_in(self, token: str) -> None:
        try:
            await self._check(self._parts.sign_in.check(token))
        except NotSignedIn:
            self.close(not_signed_in(SignInEnd.NOT_AUTHENTICATED))

    def _renew_soon(self, token: str) -> None:
        """Beside the reader, which must not wait (W4). Of several at once the last one counts."""
        if self._renewing is not None:
            self._renewing.cancel()
        self._renewing = asyncio.create_task(self._renew(token))

    async def _renew(self, token: str) -> None:
        try:
            await self._sign_in(token)
        except Exception:  # the edge of a task: its bug is no other's
            log.exception("renewal_broke", session_id=self._session.session_id)
            self.close(Close(CloseCode.INTERNAL))

    async def _check(self, checking: Awaitable[Identity]) -> None:
        """Raises NotSignedIn. While nobody can say, a new session is sent away, and an old one stays till it expires:
        both are to come back later, for who they are is not known to be wrong.
        """
        self._is_unsure = True
        try:
            identity = await checking
        except SignInUnavailable as error:
            log.warning("session_not_checked", session_id=self._session.session_id, reason=str(error))
            if self._feed is None:
                self.close(Close(CloseCode.OVERLOADED))
            self.say(error_frame(ErrorCode.SIGN_IN_UNAVAILABLE, frame_type="hello"))
            return
        except NotSignedIn:
            self._is_unsure = False
            raise
        self._is_unsure = False
        self._let_in(identity)

    def _let_in(self, identity: Identity) -> None:
        if self._closing is not None:
            return
        if self._feed is None and not self._open(identity):
            self.close(Close(CloseCode.POLICY))
            return
        for effect in self._session.signed_in(identity):
            self._carry_out(effect)
        if self._closing is None:
            seconds_left = identity.expires_at - self._parts.clocks.epoch_ms() / 1000
            self._deadline.reschedule(self._loop.time() + seconds_left)

    def _open(self, identity: Identity) -> bool:
        """Joins the hub; False if the user has too many sessions."""
        hub, settings = self._parts.hub, self._parts.settings
        if hub.sessions_of(identity.user_id) >= settings.max_sessions_per_user:
            return False
        outbox = Outbox(settings.outbox_bytes, settings.outbox_hard_bytes)
        ways = Ways(self._send, self._send_now, self._parts.metrics.sent)
        writer = self._writer = SocketWriter(ways, settings.heartbeat_seconds, self._writer_broke)
        feed = self._feed = Feed(identity.user_id, hub.turns, outbox, self._wake, writer.send_now)
        writer.drain(feed)
        hub.join(feed)
        self._parts.sign_in.sockets.join(identity.user_id, self)
        log.info("session_opened", session_id=self._session.session_id, user_id=identity.user_id)
        return True

    def _wake(self) -> None:
        if self._feed is None or self._writer is None:
            return
        if self._feed.outbox.is_overflowed:
            self.close(Close(CloseCode.TOO_SLOW))
        self._writer.wake()

    def _writer_broke(self) -> None:
        self.close(Close(CloseCode.INTERNAL))

    def _now(self) -> float:
        return self._parts.clocks.now()
