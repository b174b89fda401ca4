"""Taking turns: items wait in lines by share (a user, or a user's turns for one model), and shares are served in a ring.

Pure; generic over the item. In order within a line; whoever has many items waits behind them, and nobody else does.
"""

from collections import deque
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

T = TypeVar("T")


class RoundRobin(Generic[T]):
    """Lines by share; the order of the dictionary is the ring."""

    def __init__(self) -> None:
        self._lines: dict[str, deque[T]] = {}
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def add(self, share: str, item: T) -> None:
        """At the end of its line; a share that had none is served last in the ring."""
        self._lines.setdefault(share, deque()).append(item)
        self._count += 1

    def put_back(self, share: str, item: T) -> None:
        """Was popped in vain: it is the very next again."""
        line = self._lines.pop(share, deque())
        line.appendleft(item)
        self._lines = {share: line, **self._lines}
        self._count += 1

    def pop(self, may: Callable[[str], bool] = lambda share: True) -> tuple[str, T] | None:
        """The first item of the next share that `may`, with its share, which is served last from then on."""
        share = next(filter(may, self._lines), None)
        if share is None:
            return None
        line = self._lines.pop(share)
        item = line.popleft()
        if line:
            self._lines[share] = line
        self._count -= 1
        return share, item

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
        lines = list(self._lines.values())
        for place in range(max(map(len, lines), default=0)):
            lines = [line for line in lines if len(line) > place]
            yield from (line[place] for line in lines)
