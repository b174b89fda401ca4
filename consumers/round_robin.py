"""Taking turns: items wait in lines by share (such as a user), and the share that was served longest ago is next.

Pure; generic over the item. In order within a line; whoever has many items waits behind them, and nobody else does. Of
shares that were never served the shortest line is next: somebody's one item does not wait for the crowds of others.
"""

from collections import deque
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

T = TypeVar("T")

REMEMBERED_SHARES = 4_096
"""Shares without items whose last service is remembered, so that coming and going is no advantage."""


class RoundRobin(Generic[T]):
    """Lines by share. `_served` is in the order of the last service."""

    def __init__(self) -> None:
        self._lines: dict[str, deque[T]] = {}
        self._served: dict[str, int] = {}
        self._services = 0
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def add(self, share: str, item: T) -> None:
        """At the end of its line."""
        self._lines.setdefault(share, deque()).append(item)
        self._count += 1

    def put_back(self, share: str, item: T) -> None:
        """Was popped in vain: it is among the next again."""
        self._lines.setdefault(share, deque()).appendleft(item)
        self._served.pop(share, None)
        self._count += 1

    def pop(self, may: Callable[[str], bool] = lambda share: True) -> tuple[str, T] | None:
        """The first item of the next share that `may`, with its share."""
        share = min(filter(may, self._lines), key=self._claim_of, default=None)
        if share is None:
            return None
        item = self._lines[share].popleft()
        if not self._lines[share]:
            del self._lines[share]
        self._count -= 1
        self.serve(share)
        return share, item

    def serve(self, share: str) -> None:
        """It was served without having waited here: that counts."""
        self._services += 1
        self._served.pop(share, None)
        self._served[share] = self._services
        while len(self._served) > REMEMBERED_SHARES + len(self._lines):
            del self._served[next(iter(self._served))]

    def remove(self, share: str, item: T) -> None:
        """Takes an item out, wherever it stands; nothing, if it is not there."""
        line = self._lines.get(share)
        if line is None or item not in line:
            return
        line.remove(item)
        if not line:
            del self._lines[share]
        self._count -= 1

    def in_order(self) -> Iterator[T]:
        """All items, as `pop` would give them."""
        lines = [self._lines[share] for share in sorted(self._lines, key=self._claim_of)]
        for place in range(max(map(len, lines), default=0)):
            lines = [line for line in lines if len(line) > place]
            yield from (line[place] for line in lines)

    def _claim_of(self, share: str) -> tuple[int, int]:
        """The smallest is next."""
        return self._served.get(share, 0), len(self._lines[share])
