"""Where a page of the list of conversations ended, as text that clients hand back. Pure."""

import re

_CURSOR = re.compile(r"(\d{1,15})\.([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})", re.ASCII)

ListCursor = tuple[int, str]
"""The last row's time and id: times alone may repeat."""


class BadCursor(ValueError):
    """Not a cursor that we gave."""


def write_cursor(cursor: ListCursor) -> str:
    """Such as `1770000000123.6f1d3a5e-8f0c-4b7a-9d2e-73616d766164`."""
    return f"{cursor[0]}.{cursor[1]}"


def read_cursor(text: str) -> ListCursor:
    """Raises BadCursor."""
    found = _CURSOR.fullmatch(text)
    if found is None:
        raise BadCursor("not a cursor of the list")
    return int(found[1]), found[2]
