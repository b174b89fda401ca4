"""Secrets do not belong in addresses: proxies, browsers and servers write those down (W9). Pure.

In: the query of a request, whatever it asks for. Out: whether a parameter is named like a secret.
"""

from urllib.parse import unquote_plus

NAMES = frozenset({"token", "access_token", "ticket", "key", "api_key"})


def has_secret(query: bytes) -> bool:
    """True also for an empty or a repeated one, in any spelling."""
    parameters = query.decode("latin-1").replace(";", "&").split("&")
    return any(unquote_plus(each.partition("=")[0]).strip().lower() in NAMES for each in parameters)
