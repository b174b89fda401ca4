"""How fast one address may ask over REST: 429 with `Retry-After`, before anything is read or looked up.

In: HTTP requests. Out: those that may go on; for the others the error that every client knows. Health is not counted:
a load balancer that asks too often should hear how the edge is all the same.
"""

from dataclasses import dataclass
from typing import Any

from observability.edge_metrics import EdgeMetrics
from schemas.errors import ErrorCode
from ws_edge.address_limits import AddressLimits
from ws_edge.client_address import client_address
from ws_edge.clocks import Clocks
from ws_edge.coming_back import retry_after
from ws_edge.rest_errors import response

UNCOUNTED = frozenset({"/healthz", "/readyz"})


@dataclass(frozen=True, slots=True)
class PaceParts:
    """What counting requests, and the streams among them, works with."""

    addresses: AddressLimits
    clocks: Clocks
    metrics: EdgeMetrics


class RequestPace:
    """An ASGI middleware; whatever is no HTTP request passes."""

    def __init__(self, app: Any, parts: PaceParts) -> None:
        self._app = app
        self._parts = parts

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        app = self._app
        if scope["type"] == "http" and scope["path"] not in UNCOUNTED:
            parts = self._parts
            seconds = parts.addresses.seconds_before_request(client_address(scope), parts.clocks.now())
            if seconds is not None:
                parts.metrics.requests_refused()
                app = response(429, ErrorCode.TOO_MANY_REQUESTS, retry_after(seconds * 1000))
        await app(scope, receive, send)
