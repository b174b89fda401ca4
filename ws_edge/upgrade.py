"""May this request become a websocket? Decided before the upgrade (W10). Pure.

In: the ASGI scope of the request. Out: the HTTP status that refuses it, or None.
"""

from collections.abc import Collection, Mapping
from typing import Any

from ws_edge.secrets_in_urls import has_secret

SUBPROTOCOL = "samvad.v1"
PATH = "/v1/ws"


def refusal_of_upgrade(scope: Mapping[str, Any], allowed_origins: Collection[str]) -> int | None:
    """A page from elsewhere gets 403; what is not a browser sends no Origin and is let in."""
    if scope["path"] != PATH:
        return 404
    origins = [value.decode("latin-1") for name, value in scope["headers"] if name == b"origin"]
    if any(origin not in allowed_origins for origin in origins):
        return 403
    if has_secret(scope.get("query_string", b"")):
        return 400
    if SUBPROTOCOL not in scope.get("subprotocols", ()):
        return 400
    return None
