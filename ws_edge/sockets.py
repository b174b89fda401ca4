"""Every websocket of this edge: let in or refused, and among the connected until it is over.

In: ASGI websocket connections. Out: running sessions.
"""

from collections.abc import Mapping

import structlog

from schemas import codec
from schemas.errors import ErrorCode
from ws_edge.address_limits import AddressLimits
from ws_edge.client_address import client_address
from ws_edge.closing import Close
from ws_edge.coming_back import retry_after
from ws_edge.connected import Connected
from ws_edge.error_body import error_body
from ws_edge.open_session import OpenSession, Receive, SessionParts
from ws_edge.readiness import Readiness
from ws_edge.signing_in.cookies import secret_in
from ws_edge.signing_in.origins import is_from_allowed_page
from ws_edge.socket_writer import Message, SendMessage, send_close
from ws_edge.text_now import send_now_of
from ws_edge.upgrade import SUBPROTOCOL, UpgradeRefusal, refusal_of_upgrade

log = structlog.get_logger(__name__)


class Sockets:
    """An ASGI application for websockets."""

    def __init__(
        self,
        parts: SessionParts,
        readiness: Readiness,
        allowed_origins: frozenset[str],
        connected: Connected,
        addresses: AddressLimits,
    ) -> None:
        self._parts = parts
        self._readiness = readiness
        self._addresses = addresses
        self._allowed_origins = allowed_origins
        self._connected = connected

    async def __call__(self, scope: Message, receive: Receive, send: SendMessage) -> None:
        await receive()  # the ASGI server says that somebody wants in
        address = client_address(scope)
        refused = self._addresses.refusal_of_connection(address, self._parts.clocks.now())
        if refused is not None:
            too_many = UpgradeRefusal(429, ErrorCode.TOO_MANY_REQUESTS, refused.reason)
            await self._refuse(send, too_many, retry_after(refused.seconds * 1000))
            return
        refusal = refusal_of_upgrade(scope, self._allowed_origins)
        if refusal is not None:
            await self._refuse(send, refusal)
            return
        with self._addresses.counted(address):
            await self._let_in(scope, receive, send)

    async def _let_in(self, scope: Message, receive: Receive, send: SendMessage) -> None:
        await send({"type": "websocket.accept", "subprotocol": SUBPROTOCOL})
        unwelcome = self._readiness.refusal_of_session(len(self._connected.sessions))
        if unwelcome is not None:
            self._parts.metrics.upgrade_refused(unwelcome.name.lower())
            await send_close(send, Close(unwelcome))
            return
        session = OpenSession(self._parts, receive, send, self._cookie_in(scope), send_now_of(scope))
        with self._connected.during(session):
            await session.run()

    def _cookie_in(self, scope: Message) -> str | None:
        """A browser's sign-in, if one of our own pages opens this; without an Origin nobody knows which page it is."""
        headers = scope["headers"]
        return secret_in(headers) if is_from_allowed_page(headers, self._allowed_origins) else None

    async def _refuse(
        self, send: SendMessage, refusal: UpgradeRefusal, more_headers: Mapping[str, str] | None = None
    ) -> None:
        """An ordinary HTTP answer instead of the upgrade."""
        log.info("upgrade_refused", status=refusal.status, reason=refusal.reason)
        self._parts.metrics.upgrade_refused(refusal.reason)
        body = codec.encode(error_body(refusal.code, refusal.text))
        headers = {"content-type": "application/json", "content-length": str(len(body)), **(more_headers or {})}
        raw_headers = [(name.encode(), value.encode()) for name, value in headers.items()]
        await send({"type": "websocket.http.response.start", "status": refusal.status, "headers": raw_headers})
        await send({"type": "websocket.http.response.body", "body": body})
