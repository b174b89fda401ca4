"""How fast one address may ask over REST: 429 with `Retry-After`, before anything is read or looked up.

In: HTTP requests. Out: those that may go on; for the others the error that every client knows. Health is not counted:
a load balancer that asks too often should hear how the edge is all the same.
"""

from math import ceil
from typing import Any

from observability.edge_metrics import EdgeMetrics
from schemas.errors import ErrorCode
from ws_edge.address_limits import AddressLimits
from ws_edge.client_address import client_address
from ws_edge.clocks import Clocks
from ws_edge.rest_errors import response

UNCOUNTED = frozenset({"/healthz", "/readyz"})


class RequestPace:
    """An ASGI middleware; whatever is no HTTP request passes."""

    def __init__(self, app: Any, addresses: AddressLimits, clocks: Clocks, metrics: EdgeMetrics) -> None:
        self._app = app
        self._addresses = addresses
        self._clocks = clocks
        self._metrics = metrics

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        app = self._app
        if scope["type"] == "http" and scope["path"] not in UNCOUNTED:
            seconds = self._addresses.seconds_before_request(client_address(scope), self._clocks.now())
            if seconds is not None:
                self._metrics.requests_refused()
                app = response(429, ErrorCode.TOO_MANY_REQUESTS, retry_after(seconds))
        await app(scope, receive, send)


def retry_after(seconds: float) -> dict[str, str]:
    """The header, which has whole seconds."""
    return {"retry-after": str(max(1, ceil(seconds)))}
