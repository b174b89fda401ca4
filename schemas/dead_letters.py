"""What travels on `chat.dead-letters`: records that nobody could read, and what became of them.

A letter has its record's bytes and headers, and behind those ours. The topic is a log: that a letter was handled is a
record of its own, a mark, under the letter's source as key.
"""

from enum import StrEnum

from schemas.headers import Headers

SOURCE, REASON, KEY, HANDLED = "dead.source", "dead.reason", "dead.key", "dead.handled"
OURS = frozenset((SOURCE, REASON, KEY, HANDLED))
MAX_REASON_BYTES = 1_000


class Handling(StrEnum):
    """What a person did about a letter."""

    REDRIVEN = "redriven"
    """Its record was written to its source topic once more."""
    DROPPED = "dropped"
    """Nothing more will be done about it."""


def letter_headers(original: Headers, source: str, key: bytes | None, reason: str) -> Headers:
    """The record's own headers, then where it came from (`chat.requests/3/77`), its key's bytes, and why it is here."""
    marked = [*original, (SOURCE, source.encode()), (REASON, reason.encode()[:MAX_REASON_BYTES])]
    return marked if key is None else [*marked, (KEY, key)]


def mark_headers(source: str, handling: Handling) -> Headers:
    """The headers of a mark; its value is empty."""
    return [(SOURCE, source.encode()), (HANDLED, handling.encode())]


def original_headers(headers: Headers) -> Headers:
    """A letter's headers without ours."""
    return [(name, value) for name, value in headers if name not in OURS]
