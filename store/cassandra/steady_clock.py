"""The driver's clock: timeouts, heartbeats and reconnections must not follow steps of the wall clock.

cassandra-driver 3.30 counts them from `time.time()`. A clock that goes back by an hour keeps a lost host lost for an
hour, because the next try to reconnect lies that far ahead (found by `samvad prove`: `clock_step` with
`cassandra_kill`). In: nothing. Out: in the modules of the driver that only measure durations, a clock that never jumps.
"""

import sys
import time
from typing import Any

import cassandra.cluster
import cassandra.connection
import cassandra.pool

MEASURING = ("cassandra.cluster", "cassandra.connection", "cassandra.pool", "cassandra.io.libevreactor")
"""Not `cassandra.timestamps`: what it makes is compared between machines."""


class SteadyTime:
    """Stands in for the module `time`: `time()` is monotonic, everything else is the module's."""

    time = staticmethod(time.monotonic)

    def __getattr__(self, name: str) -> Any:
        return getattr(time, name)


def measure_steadily() -> None:
    """From now on, in this process. To be called before the first connection."""
    steady = SteadyTime()
    for name in MEASURING:
        if (module := sys.modules.get(name)) is not None:
            vars(module)["time"] = steady
    cassandra.cluster.ControlConnection._time = steady
