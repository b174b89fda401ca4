"""What this process has lately read of conversations' rows, so that a turn of a warm conversation needs no read. Pure.

Nothing here is needed for correctness for longer than it is fresh: the oldest is forgotten, all of it expires.
"""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from store.cassandra.buckets import KNOWN_FOR_MS

MAX_CONVERSATIONS = 20_000

Key = tuple[str, str]
"""(user_id, conversation_id)."""


@dataclass(frozen=True, slots=True)
class Known:
    """The buckets announced by `read_at_ms`."""

    buckets: frozenset[int]
    read_at_ms: int


class KnownBuckets:
    """Buckets of conversations, for as long as they can be relied on."""

    def __init__(self, clock_ms: Callable[[], int]) -> None:
        self._clock_ms = clock_ms
        self._known: OrderedDict[Key, Known] = OrderedDict()

    def get(self, key: Key) -> frozenset[int] | None:
        """None: read them."""
        known = self._known.get(key)
        if known is None or self._clock_ms() - known.read_at_ms > KNOWN_FOR_MS:
            return None
        self._known.move_to_end(key)
        return known.buckets

    def put(self, key: Key, buckets: frozenset[int], read_at_ms: int) -> None:
        """`read_at_ms`: when the read began."""
        self._known[key] = Known(buckets, read_at_ms)
        self._known.move_to_end(key)
        while len(self._known) > MAX_CONVERSATIONS:
            self._known.popitem(last=False)

    def add(self, key: Key, start: int) -> None:
        """A bucket that this process announced. What it has read of the others gets no younger by that."""
        if known := self._known.get(key):
            self._known[key] = Known(known.buckets | {start}, known.read_at_ms)


class KnownHours:
    """The hour of the list in which each conversation stands, as far as this process knows."""

    def __init__(self) -> None:
        self._hours: OrderedDict[Key, int] = OrderedDict()

    def moves_on(self, key: Key, hour: int) -> int | None:
        """Notes the conversation's new hour; the one that it left, if it is known and was another."""
        before = self._hours.get(key)
        if before is None or hour > before:
            self.note(key, hour)
        return before if before is not None and before < hour else None

    def note(self, key: Key, hour: int) -> None:
        self._hours[key] = hour
        self._hours.move_to_end(key)
        while len(self._hours) > MAX_CONVERSATIONS:
            self._hours.popitem(last=False)
