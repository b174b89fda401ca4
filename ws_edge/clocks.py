"""Time as the edge takes it in: tests put in their own."""

import time
from collections.abc import Callable
from dataclasses import dataclass


def _epoch_ms() -> int:
    return time.time_ns() // 1_000_000


@dataclass(frozen=True, slots=True)
class Clocks:
    """`now`: monotonic seconds; `epoch_ms`: milliseconds since 1970 (UTC)."""

    now: Callable[[], float] = time.monotonic
    epoch_ms: Callable[[], int] = _epoch_ms
