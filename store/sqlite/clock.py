"""The wall clock, for rows that expire: other processes, and this one after a restart, must agree on it."""

import time


def now_ms() -> int:
    """Milliseconds since 1970."""
    return time.time_ns() // 1_000_000
