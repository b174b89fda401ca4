"""The cookie of a browser's sign-in: its name, its attributes, and how it is read. Pure.

In: the headers of a request. Out: the cookie's secret, or a `Set-Cookie`. Everywhere but on loopback the cookie is
`Secure` and has the `__Host-` prefix, so that no other host, nor a page without TLS, can set one in its place.
"""

from collections.abc import Iterable
from urllib.parse import urlsplit

from ws_edge.loopback import is_loopback

LOOPBACK_NAME = "samvad-sign-in"
NAME = "__Host-samvad-sign-in"
MAX_HEADER_BYTES = 16 * 1024

Headers = Iterable[tuple[bytes, bytes]]


def secret_in(headers: Headers) -> str | None:
    """The cookie's secret, if the browser sent one."""
    found = list(headers)
    name = cookie_name(found)
    sent = b";".join(value for key, value in found if key == b"cookie")[:MAX_HEADER_BYTES].decode("latin-1")
    # By hand: http.cookies stops at the first cookie of another program's that it does not like.
    pairs = (each.strip().partition("=") for each in sent.split(";"))
    return next((value for key, _, value in pairs if key == name and value), None)


def cookie_name(headers: Headers) -> str:
    """By the host that the browser asked for."""
    return LOOPBACK_NAME if _asks_for_loopback(headers) else NAME


def cookie_set(headers: Headers, secret: str, seconds: int) -> str:
    """A `Set-Cookie` for this browser; an empty secret takes the cookie away."""
    found = list(headers)
    secure = "" if _asks_for_loopback(found) else "; Secure"
    return f"{cookie_name(found)}={secret}; Max-Age={seconds}; Path=/; HttpOnly; SameSite=Lax{secure}"


def _asks_for_loopback(headers: Headers) -> bool:
    host = next((value for key, value in headers if key == b"host"), b"").decode("latin-1")
    try:
        return is_loopback(urlsplit(f"//{host}").hostname or "")
    except ValueError:
        return False
