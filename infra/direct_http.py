"""HTTP to servers of one's own: asked directly. A proxy that the environment names for the world does not know them.

In: an address. Out: the answer, open.
"""

import urllib.request
from http.client import HTTPResponse
from typing import cast

_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def open_directly(url: str, timeout_seconds: float) -> HTTPResponse:
    """A GET. Raises OSError (HTTPError for an answer of 400 and above), and ValueError for what is no address."""
    return cast(HTTPResponse, _DIRECT.open(url, timeout=timeout_seconds))
