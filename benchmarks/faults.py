"""Workers that are killed, or told to leave, in the middle of answers, again and again; and how long readers wait.

In: a fleet, readers, what to do to a worker. Out: every turn that went on elsewhere, and what the rebalances took.
"""

import asyncio
import random
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from benchmarks.fleet import Fleet
from benchmarks.polling import until
from benchmarks.readers import Reader, until_everybody_reads
from benchmarks.reading import Reading, Resumed
from benchmarks.rebalances import Rebalance, rebalance_after

RESUMED_WITHIN_SECONDS = 60.0
BETWEEN_SECONDS = 4.0
"""Without a pause the quickest recoveries let one answer be hit five times, and that many attempts is all it has."""

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Fault:
    """What is done to a worker; `over_after_seconds`: it may go on showing text for so long."""

    title: str
    number: signal.Signals
    over_after_seconds: float = 0.0


@dataclass(slots=True)
class Hits:
    """What all the faults of a kind did."""

    faults: int = 0
    resumed: list[Resumed] = field(default_factory=list)
    rebalances: list[Rebalance] = field(default_factory=list)


async def hit_repeatedly(fault: Fault, times: int, fleet: Fleet, everybody: Sequence[Reader], say: Say) -> Hits:
    """One worker after the other, each replaced before the next one goes."""
    hits = Hits()
    for number in range(1, times + 1):
        await until_everybody_reads(everybody)
        await asyncio.sleep(random.uniform(BETWEEN_SECONDS, BETWEEN_SECONDS + 1))  # anywhere between two heartbeats
        await _hit(fault, fleet, everybody, hits)
        longest = max((each.frame_seconds for each in hits.resumed), default=0.0)
        say(f"{fault.title}, {number} of {times}: {len(hits.resumed)} turns went on, at most after {longest:.1f} s")
    return hits


async def _hit(fault: Fault, fleet: Fleet, everybody: Sequence[Reader], hits: Hits) -> None:
    readings = [reader.reading for reader in everybody]
    fault_at, wall_clock_at = time.monotonic(), time.time()
    member = fleet.signal_oldest(fault.number)
    replacing = asyncio.create_task(fleet.start_one())  # as a supervisor does, at once
    await _until_decided(readings, fault_at, fault_at + fault.over_after_seconds)
    hits.faults += 1
    hits.resumed += [resumed for reading in readings if (resumed := reading.resumed(fault_at))]
    if (rebalance := rebalance_after(wall_clock_at, fleet.logs)) is not None:
        hits.rebalances.append(rebalance)
    await member.life.aclose()
    await replacing


async def _until_decided(readings: Sequence[Reading], fault_at: float, over_at: float) -> None:
    """Each turn either went on elsewhere or was not touched."""
    await until(
        lambda: all(each.resumed(fault_at) or each.was_spared(fault_at, over_at) for each in readings),
        RESUMED_WITHIN_SECONDS,
    )
