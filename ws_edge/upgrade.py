"""May this request become a websocket? Decided before the upgrade (W10). Pure.

In: the ASGI scope of the request. Out: the refusal, as an HTTP answer and metrics tell it, or None.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from schemas.errors import ErrorCode
from ws_edge.secrets_in_urls import has_secret

SUBPROTOCOL = "samvad.v1"
PATH = "/v1/ws"
UPGRADE_WANTED = f"This is a websocket: ask for an upgrade, with the subprotocol `{SUBPROTOCOL}`."


@dataclass(frozen=True, slots=True)
class UpgradeRefusal:
    """`reason` is for logs and metrics; `text` is there if more is known than the code's own sentence says."""

    status: int
    code: ErrorCode
    reason: str
    text: str | None = None


NO_SUCH_PATH = UpgradeRefusal(404, ErrorCode.NOT_FOUND, "path", f"There is no websocket here, but at {PATH}.")
FOREIGN_PAGE = UpgradeRefusal(403, ErrorCode.FORBIDDEN, "origin")
SECRET_IN_URL = UpgradeRefusal(400, ErrorCode.SECRET_IN_URL, "bad_request")
NO_SUBPROTOCOL = UpgradeRefusal(
    400, ErrorCode.BAD_REQUEST, "bad_request", f"The subprotocol `{SUBPROTOCOL}` is spoken here: offer it."
)


def refusal_of_upgrade(scope: Mapping[str, Any], allowed_origins: Collection[str]) -> UpgradeRefusal | None:
    """A page from elsewhere is refused; what is not a browser sends no Origin and is let in."""
    if scope["path"] != PATH:
        return NO_SUCH_PATH
    origins = [value.decode("latin-1") for name, value in scope["headers"] if name == b"origin"]
    if any(origin not in allowed_origins for origin in origins):
        return FOREIGN_PAGE
    if has_secret(scope.get("query_string", b"")):
        return SECRET_IN_URL
    if SUBPROTOCOL not in scope.get("subprotocols", ()):
        return NO_SUBPROTOCOL
    return None
