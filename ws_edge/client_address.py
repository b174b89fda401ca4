"""Where a request comes from, for limits per address.

In: the ASGI scope. Out: an address as text; "unknown" where the server does not tell.
"""

from collections.abc import Mapping
from typing import Any


def client_address(scope: Mapping[str, Any]) -> str:
    """The peer of the connection."""
    client = scope.get("client")
    return "unknown" if client is None else str(client[0])
