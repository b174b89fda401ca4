"""Runs a module as `python -m` does, with a wall clock that can be moved: SIGUSR1 an hour on, SIGUSR2 an hour back.

`python -m infra.prove.stepped_clock infra.cli.main worker` is a worker whose clock a proof steps. Only `time.time` and
`time.time_ns` of this process move; nothing in production code knows of it.
"""

import runpy
import signal
import sys
import time
from types import FrameType

STEP_SECONDS = 3600


class SteppedClock:
    """The real clock, and how far from it this process is."""

    def __init__(self) -> None:
        self._real_ns = time.time_ns
        self.offset_seconds = 0

    def install(self) -> None:
        """To be called before anything takes a reference to `time.time`."""
        time.time, time.time_ns = self.time, self.time_ns
        signal.signal(signal.SIGUSR1, self._step)
        signal.signal(signal.SIGUSR2, self._step)

    def time(self) -> float:
        return self.time_ns() / 1e9

    def time_ns(self) -> int:
        return self._real_ns() + self.offset_seconds * 1_000_000_000

    def _step(self, number: int, _: FrameType | None) -> None:
        self.offset_seconds += STEP_SECONDS if number == signal.SIGUSR1 else -STEP_SECONDS


def main() -> None:
    SteppedClock().install()
    del sys.argv[0]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
