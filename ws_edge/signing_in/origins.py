"""From which pages a cookie counts. Pure.

In: the headers of a request, and the allowed origins. Out: whether it is one of our own pages that asks, and not
another that only makes the browser send the cookie along (CSRF).
"""

from collections.abc import Collection, Iterable

Headers = Iterable[tuple[bytes, bytes]]

READING = frozenset({"GET", "HEAD"})
"""Methods that change nothing; what they answer a foreign page may not read."""


def is_from_allowed_page(headers: Headers, allowed_origins: Collection[str]) -> bool:
    """An Origin that is on the list; without one this is no page, or not known which."""
    origins = _values(headers, b"origin")
    return len(origins) == 1 and origins[0] in allowed_origins


def may_change_by_cookie(method: str, headers: Headers, allowed_origins: Collection[str]) -> bool:
    """Whether a request with a cookie may do what its method says."""
    found = list(headers)
    if method in READING or is_from_allowed_page(found, allowed_origins):
        return True
    return _values(found, b"sec-fetch-site") == ["same-origin"]


def is_of_foreign_page(headers: Headers, allowed_origins: Collection[str]) -> bool:
    """Whether a page that is not ours sends this: it may not sign anybody in here (login CSRF).

    A program sends neither header.
    """
    found = list(headers)
    is_page = bool(_values(found, b"origin") or _values(found, b"sec-fetch-site"))
    return is_page and not may_change_by_cookie("POST", found, allowed_origins)


def _values(headers: Headers, name: bytes) -> list[str]:
    return [value.decode("latin-1") for key, value in headers if key == name]
