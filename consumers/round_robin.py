"""Taking turns: items wait in lines by share (such as a user), and the share that was served longest ago is next.

Pure; generic over the item. In order within a line; whoever has many items waits behind them, and nobody else does. Of
shares that were never served the shortest line is next: somebody's one item does not wait for the crowds of others.
"""

from collections import deque
from collections.abc import Callable, Iterator
from heapq import heapify, heappop, heappush
from typing import Generic, TypeVar

T = TypeVar("T")

REMEMBERED_SHARES = 4_096
"""Shares without items whose last service is remembered while others wait, so that coming and going is no advantage."""

Claim = tuple[int, int, int]
"""The smallest is next: the last service, the length of the line, and since when there is one."""


class RoundRobin(Generic[T]):
    """Lines by share. `_served` is in the order of the last service. A change costs the logarithm of the shares; `pop`
    costs that again for each share that it passes over, for it is not one that `may`.
    """

    def __init__(self) -> None:
        self._lines: dict[str, deque[T]] = {}
        self._served: dict[str, int] = {}
        self._claims = _Claims()
        self._events = 0
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def add(self, share: str, item: T) -> None:
        """At the end of its line."""
        self._lines.setdefault(share, deque()).append(item)
        self._changed(share, 1)

    def put_back(self, share: str, item: T) -> None:
        """Was popped in vain: it is among the next again."""
        self._lines.setdefault(share, deque()).appendleft(item)
        self._served.pop(share, None)
        self._changed(share, 1)

    def pop(self, may: Callable[[str], bool] = lambda share: True) -> tuple[str, T] | None:
        """The first item of the next share that `may`, with its share."""
        share = self._claims.first(may)
        if share is None:
            return None
        item = self._lines[share].popleft()
        self._changed(share, -1)
        self.serve(share)
        return share, item

    def serve(self, share: str) -> None:
        """It was served without having waited here: that counts."""
        self._served.pop(share, None)
        self._served[share] = self._next_event()
        self._make_claim(share)
        while len(self._served) > REMEMBERED_SHARES + len(self._lines):
            oldest = next(iter(self._served))
            del self._served[oldest]
            self._make_claim(oldest)

    def remove(self, share: str, item: T) -> None:
        """Takes an item out, wherever it stands; nothing, if it is not there."""
        line = self._lines.get(share)
        if line is not None and item in line:
            line.remove(item)
            self._changed(share, -1)

    def in_order(self) -> Iterator[T]:
        """All items, as `pop` would give them."""
        lines = [self._lines[share] for share in self._claims.in_order()]
        for place in range(max(map(len, lines), default=0)):
            lines = [line for line in lines if len(line) > place]
            yield from (line[place] for line in lines)

    def _changed(self, share: str, items: int) -> None:
        """Its line did. Once nobody waits, nobody was overtaken: what was is forgotten."""
        self._count += items
        if not self._lines[share]:
            del self._lines[share]
        if not self._count:
            self._served.clear()
        self._make_claim(share)

    def _make_claim(self, share: str) -> None:
        if share not in self._lines:
            self._claims.drop(share)
            return
        since = self._claims.since(share) or self._next_event()
        self._claims.put(share, (self._served.get(share, 0), len(self._lines[share]), since))

    def _next_event(self) -> int:
        self._events += 1
        return self._events


class _Claims:
    """The shares with a line, by their claims: a heap in which claims that hold no more are left until they come up."""

    def __init__(self) -> None:
        self._of: dict[str, Claim] = {}
        self._heap: list[tuple[Claim, str]] = []

    def since(self, share: str) -> int | None:
        """When its line began."""
        claim = self._of.get(share)
        return None if claim is None else claim[-1]

    def put(self, share: str, claim: Claim) -> None:
        """Its claim is this one from now on."""
        self._of[share] = claim
        heappush(self._heap, (claim, share))
        if len(self._heap) > 2 * len(self._of) + 64:  # so that what was left costs little beside what came
            self._heap = [(claim, share) for share, claim in self._of.items()]
            heapify(self._heap)

    def drop(self, share: str) -> None:
        """It has no line any more."""
        self._of.pop(share, None)

    def first(self, may: Callable[[str], bool]) -> str | None:
        """The next share that `may`."""
        passed_over: list[tuple[Claim, str]] = []
        found = None
        while self._heap and found is None:
            claim, share = heappop(self._heap)
            if self._of.get(share) == claim:
                passed_over.append((claim, share))
                found = share if may(share) else None
        for entry in passed_over:
            heappush(self._heap, entry)
        return found

    def in_order(self) -> list[str]:
        return sorted(self._of, key=self._of.__getitem__)
