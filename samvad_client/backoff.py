"""How long to wait before connecting again: full jitter, so that thousands of clients do not come back as one. Pure.

The same numbers are in docs/protocol.md, 11. Source of the formula:
"Exponential Backoff And Jitter", AWS Architecture Blog, variant "full jitter".
"""

from collections.abc import Callable
from random import random as any_random

FIRST_SECONDS = 0.2
MAX_SECONDS = 5.0
SETTLED_SECONDS = 10.0
"""A session that lived this long was a real one; shorter ones count as failures (overload, a loop of refusals)."""


class Backoff:
    """Counts failures in a row. `random` gives numbers in [0, 1)."""

    def __init__(self, random: Callable[[], float] = any_random) -> None:
        self._random = random
        self._failures = 0

    def next_seconds(self) -> float:
        """The pause after one more failure."""
        ceiling = min(MAX_SECONDS, FIRST_SECONDS * (1 << min(self._failures, 10)))
        self._failures += 1
        return self._random() * ceiling

    def worked(self, seconds: float = SETTLED_SECONDS) -> None:
        """What was tried went well, for this long."""
        if seconds >= SETTLED_SECONDS:
            self._failures = 0
