"""Requests that the broker may have although nobody knows: whoever sends one again is never told `rejected`. Pure.

In: a request that is about to be produced, and what became of it. Out: whether an earlier try may have worked.
`rejected` means that nothing will happen (DESIGN 4); of these, something may.
"""

LIMIT = 10_000
"""The newest. Who sends the same again does it within seconds."""


class Attempts:
    """Turns by id; beyond `limit` the oldest are forgotten."""

    def __init__(self, limit: int = LIMIT) -> None:
        self._limit = limit
        self._open: dict[str, None] = {}

    def __contains__(self, turn_id: str) -> bool:
        """Its request was tried before, and how that went is not known."""
        return turn_id in self._open

    def begin(self, turn_id: str) -> None:
        """From now on the broker may have it."""
        self._open[turn_id] = None
        while len(self._open) > self._limit:
            del self._open[next(iter(self._open))]

    def settle(self, turn_id: str) -> None:
        """The broker has it for sure, or for sure has not."""
        self._open.pop(turn_id, None)
