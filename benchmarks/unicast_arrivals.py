"""What came to a crowd of watching sockets, and how long it was on its way. Counting only: it is called per frame."""

import time
from contextlib import suppress

from benchmarks.polling import until
from benchmarks.unicast_frames import made_at_ns

OF_A_TURN = (b'{"type":"delta"', b'{"type":"started"', b'{"type":"asked"', b'{"type":"completed"')
WATCHING = b'{"type":"watching"'


class Arrivals:
    """Frames of turns since `begin`. `way_ms` has a sample for each delta."""

    def __init__(self) -> None:
        self.watchers = 0
        self.begin()

    def begin(self) -> None:
        self.count = 0
        self.way_ms: list[float] = []
        self._first_ns = self._last_ns = 0

    def hear(self, payload: bytes) -> None:
        """A frame came."""
        now_ns = time.monotonic_ns()
        if payload.startswith(OF_A_TURN):
            self.count += 1
            self._first_ns, self._last_ns = self._first_ns or now_ns, now_ns
            if (made_ns := made_at_ns(payload)) is not None:
                self.way_ms.append((now_ns - made_ns) / 1e6)
        elif payload.startswith(WATCHING):
            self.watchers += 1

    @property
    def seconds(self) -> float:
        """From the first arrival to the last."""
        return (self._last_ns - self._first_ns) / 1e9

    async def watching(self, count: int, within_seconds: float) -> None:
        """So many watch. Raises TimeoutError."""
        await until(lambda: self.watchers >= count, within_seconds)

    async def reached(self, count: int, within_seconds: float) -> None:
        """Returns once so many came, or the time is over: the others are lost."""
        with suppress(TimeoutError):
            await until(lambda: self.count >= count, within_seconds)
