"""The edge's ASGI application: websockets go straight to their sessions, everything else to FastAPI.

In: the parts, built. Out: one callable for the ASGI server.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import APIRouter, FastAPI, Response
from fastapi.middleware.cors import CORSMiddleware

from schemas.client_frames import MAX_FRAME_BYTES
from schemas.errors import ErrorCode
from ws_edge import rest_errors
from ws_edge.bounded_websocket import VERSION
from ws_edge.client_address import Networks, note_client_address
from ws_edge.request_pace import PaceParts, RequestPace
from ws_edge.secrets_in_urls import has_secret
from ws_edge.signing_in.desk import Desk
from ws_edge.sockets import Sockets
from ws_edge.upgrade import PATH, UPGRADE_WANTED

HttpApp = Callable[[Any, Any, Any], Awaitable[None]]


class EdgeApp:
    """Routes by the kind of connection. A websocket's frames pass no middleware."""

    def __init__(self, sockets: Sockets, http: HttpApp, trusted_proxies: Networks) -> None:
        self._sockets = sockets
        self._http = http
        self._trusted_proxies = trusted_proxies

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        note_client_address(scope, self._trusted_proxies)
        if scope["type"] == "websocket":
            await self._sockets(scope, receive, send)
        else:
            await self._http(scope, receive, send)


class NoSecretsInUrls:
    """An ASGI middleware: a request with a secret in its address gets 400, whatever it asks for (W9)."""

    def __init__(self, app: HttpApp) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        app = self._app
        if scope["type"] == "http" and has_secret(scope["query_string"]):
            app = rest_errors.response(400, ErrorCode.SECRET_IN_URL)
        await app(scope, receive, send)


async def _without_upgrade() -> Response:
    """The websocket's address in plain HTTP, as from a proxy that passes no upgrade on (RFC 9110, 15.5.22)."""
    headers = {"upgrade": "websocket", "connection": "upgrade", "sec-websocket-version": VERSION}
    return rest_errors.response(426, ErrorCode.BAD_REQUEST, headers, UPGRADE_WANTED)


def http_app(desk: Desk, routers: list[APIRouter], allowed_origins: frozenset[str], pace: PaceParts) -> FastAPI:
    """REST, health and the OpenAPI description; bodies as small as frames."""
    # No /docs: that page loads its scripts from elsewhere; /openapi.json says the same.
    app = FastAPI(title="Samvad", version="1", docs_url=None, redoc_url=None, max_body_size=MAX_FRAME_BYTES)
    app.state.sign_in, app.state.check_cookie = desk.rest, desk.sign_ins.check_cookie
    app.state.allowed_origins = allowed_origins
    app.add_middleware(NoSecretsInUrls)  # within the next one: whoever sends one again and again is slowed down, too
    app.add_middleware(RequestPace, parts=pace)  # within the next one: pages of allowed origins may read its 429
    app.add_middleware(
        CORSMiddleware,
        allow_origins=sorted(allowed_origins),
        allow_credentials=True,
        allow_methods=["GET", "POST", "PATCH", "DELETE"],
        allow_headers=["authorization", "content-type", "last-event-id"],
        expose_headers=["retry-after"],
    )
    rest_errors.install(app)
    app.add_api_route(PATH, _without_upgrade, methods=["GET"], include_in_schema=False)
    for router in routers:
        app.include_router(router)
    return app
