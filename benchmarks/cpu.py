"""CPU time of processes by role, as the system counts it: in steps of 10 ms on Linux.

In: process ids by role. Out: seconds by role, user and system mode together.
"""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence

import psutil

Pids = Mapping[str, Sequence[int]]
"""Running processes by role: `worker`, `edge`, `broker`, `store`, ..."""


def cpu_seconds(pids: Pids) -> Counter[str]:
    """CPU time used so far, of all of a role's processes."""
    return Counter({role: sum(map(_seconds, each)) for role, each in pids.items()})


def cpu_seconds_since(before: Counter[str], pids: Pids) -> Counter[str]:
    """CPU time used since `before` was read."""
    return Counter({role: seconds - before[role] for role, seconds in cpu_seconds(pids).items()})


async def idle_cpu_share(pids: Pids, seconds: float) -> dict[str, float]:
    """What each role uses of one core while nobody asks anything."""
    before = cpu_seconds(pids)
    await asyncio.sleep(seconds)
    return {role: round(used / seconds, 4) for role, used in cpu_seconds_since(before, pids).items()}


def _seconds(pid: int) -> float:
    times = psutil.Process(pid).cpu_times()
    return float(times.user + times.system)
