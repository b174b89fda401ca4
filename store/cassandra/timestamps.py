"""Write timestamps, in microseconds: of two writes to one cell Cassandra keeps the higher, whatever their order. Pure.

They come from what is written, so a repeated or late write ends as it would have ended in time. Of two at the same
timestamp Cassandra keeps a deletion, else the greater value: the greater leaf, of two touches of one moment.
"""

DELETED_AT = 2**62
"""Above every moment: what belongs to a deleted conversation stays hidden, whenever it is written."""
MARKED_AT = DELETED_AT + 1
"""The mark of a deletion stands above the deletion itself."""

HOUR_MS = 3_600_000


def written_at(moment_ms: int) -> int:
    """What belongs to a moment."""
    return moment_ms * 1000


def first_title_at(moment_ms: int) -> int:
    """A title taken from a question: the earliest question's stays, and any name that the user gives is above it."""
    return -written_at(moment_ms)


def hour_of(moment_ms: int) -> int:
    """The hour since 1970 that a conversation is listed under."""
    return moment_ms // HOUR_MS


def left_at(hour: int) -> int:
    """A conversation that moved on from an hour never comes back to it: above all entries of the hour."""
    return written_at((hour + 1) * HOUR_MS)
