"""The newest messages of recent conversations, in memory: a warm conversation needs no read (DESIGN 6.4). Pure.

A conversation's worker is its only writer while it owns the partition; tails are dropped on revocation and on notices.
"""

from collections import OrderedDict
from dataclasses import dataclass

from store.rows import MessageRow


@dataclass(frozen=True, slots=True)
class Tail:
    """The path to the newest message, oldest first, cut at the front; and the title, if there is one."""

    messages: tuple[MessageRow, ...]
    title: str | None

    @property
    def leaf(self) -> str | None:
        return self.messages[-1].message_id if self.messages else None

    @property
    def newest_at_ms(self) -> int:
        return self.messages[-1].created_at_ms if self.messages else 0

    def path_to(self, message_id: str | None) -> tuple[MessageRow, ...] | None:
        """The messages up to this one (None: to the newest); None if it is not among them."""
        if message_id is None:
            return self.messages
        ids = [row.message_id for row in self.messages]
        return self.messages[: ids.index(message_id) + 1] if message_id in ids else None

    @property
    def cost(self) -> int:
        """About the bytes it takes."""
        return 200 + sum(400 + len(row.text) for row in self.messages)


class Tails:
    """Least recently used first out, by bytes."""

    def __init__(self, max_bytes: int = 64 * 1024 * 1024, max_messages: int = 200) -> None:
        self._max_bytes = max_bytes
        self._max_messages = max_messages
        self._tails: OrderedDict[tuple[str, str], Tail] = OrderedDict()
        self._bytes = 0

    def get(self, user_id: str, conversation_id: str) -> Tail | None:
        key = (user_id, conversation_id)
        if key in self._tails:
            self._tails.move_to_end(key)
        return self._tails.get(key)

    def put(self, user_id: str, conversation_id: str, tail: Tail) -> None:
        """Keeps the newest `max_messages` of a tail."""
        self.drop(user_id, conversation_id)
        kept = Tail(tail.messages[-self._max_messages :], tail.title)
        self._tails[(user_id, conversation_id)] = kept
        self._bytes += kept.cost
        while self._bytes > self._max_bytes and self._tails:
            _, dropped = self._tails.popitem(last=False)
            self._bytes -= dropped.cost

    def drop(self, user_id: str, conversation_id: str) -> None:
        tail = self._tails.pop((user_id, conversation_id), None)
        if tail is not None:
            self._bytes -= tail.cost

    def drop_all(self) -> None:
        self._tails.clear()
        self._bytes = 0
