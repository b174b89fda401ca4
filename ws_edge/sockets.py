"""Every websocket of this edge: let in or refused, and among the connected until it is over.

In: ASGI websocket connections. Out: running sessions.
"""

import structlog

from schemas import codec
from schemas.errors import ErrorCode
from ws_edge.close_codes import Close
from ws_edge.connected import Connected
from ws_edge.error_body import error_body
from ws_edge.open_session import OpenSession, Receive, SessionParts
from ws_edge.readiness import Readiness
from ws_edge.signing_in.cookies import secret_in
from ws_edge.signing_in.origins import is_from_allowed_page
from ws_edge.socket_writer import Message, SendMessage, send_close
from ws_edge.text_now import send_now_of
from ws_edge.upgrade import SUBPROTOCOL, refusal_of_upgrade

log = structlog.get_logger(__name__)


class Sockets:
    """An ASGI application for websockets."""

    def __init__(
        self, parts: SessionParts, readiness: Readiness, allowed_origins: frozenset[str], connected: Connected
    ) -> None:
        self._parts = parts
        self._readiness = readiness
        self._allowed_origins = allowed_origins
        self._connected = connected

    async def __call__(self, scope: Message, receive: Receive, send: SendMessage) -> None:
        await receive()  # the ASGI server says that somebody wants in
        status = refusal_of_upgrade(scope, self._allowed_origins)
        if status is not None:
            await _refuse(send, status)
            return
        await send({"type": "websocket.accept", "subprotocol": SUBPROTOCOL})
        unwelcome = self._readiness.refusal_of_session(len(self._connected.sessions))
        if unwelcome is not None:
            await send_close(send, Close(unwelcome))
            return
        session = OpenSession(self._parts, receive, send, self._cookie_in(scope), send_now_of(scope))
        with self._connected.during(session):
            await session.run()

    def _cookie_in(self, scope: Message) -> str | None:
        """A browser's sign-in, if one of our own pages opens this; without an Origin nobody knows which page it is."""
        headers = scope["headers"]
        return secret_in(headers) if is_from_allowed_page(headers, self._allowed_origins) else None


async def _refuse(send: SendMessage, status: int) -> None:
    """An ordinary HTTP answer instead of the upgrade."""
    log.info("upgrade_refused", status=status)
    body = codec.encode(error_body(ErrorCode.NOT_FOUND if status == 404 else ErrorCode.BAD_REQUEST))
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "websocket.http.response.start", "status": status, "headers": headers})
    await send({"type": "websocket.http.response.body", "body": body})
