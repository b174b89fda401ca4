"""`make bench-takeover`: how long readers wait when a worker is killed or leaves in the middle of their answers.

In: nothing, or how many faults of each kind. Out: a table on the screen, and the same figures as JSON. Real Kafka and
Cassandra, started natively on loopback; every process that was started is ended, also by Ctrl-C.
"""

import argparse
import signal
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from benchmarks.command import console, load_average, say
from benchmarks.faults import Fault, hit_repeatedly
from benchmarks.fleet import Fleet
from benchmarks.machine import this_machine
from benchmarks.native_stack import Measurement, NativeStack, run_on_native_stack
from benchmarks.processes import SAMVAD
from benchmarks.readers import Reader, readers
from benchmarks.result import LoadAverage
from benchmarks.system import Roles, practice_provider, settings
from benchmarks.takeover_result import FaultFigures, TakeoverResult, figures_of, print_takeovers

RUN_SECONDS = 3600.0
MODEL = "practice-120x100"
"""12 s, ten tokens a second: begun again after every kill, longer ones would soon have been tried five times."""
DRAIN_SECONDS = 2
KILLED = Fault("kill -9", signal.SIGKILL)
LEAVES = Fault("SIGTERM", signal.SIGTERM, over_after_seconds=DRAIN_SECONDS + 1.0)
FAST = {"SAMVAD_SESSION_SECONDS": "3", "SAMVAD_DEAD_AFTER_SECONDS": "2"}


@dataclass(frozen=True, slots=True)
class Trial:
    """One kind of fault under some settings of the workers."""

    title: str
    fault: Fault
    settings: dict[str, str]


TRIALS = (
    Trial("kill -9", KILLED, {}),
    Trial("kill -9, fast", KILLED, FAST),
    Trial("SIGTERM", LEAVES, {"SAMVAD_DRAIN_SECONDS": str(DRAIN_SECONDS)}),
)


@dataclass(frozen=True, slots=True)
class Size:
    """How much of everything."""

    workers: int
    readers: int
    faults: int


async def _measure_all(folder: Path, servers: NativeStack, size: Size, load: LoadAverage) -> TakeoverResult:
    began = time.monotonic()
    async with practice_provider(folder) as provider:
        environ = {**settings(folder, provider.said["base_url"], {MODEL}), **servers.environ}
        found = [await _measure(trial, folder, environ, size) for trial in TRIALS]
    seconds = round(time.monotonic() - began, 1)
    return TakeoverResult(this_machine(), load, size.workers, size.readers, MODEL, seconds, found)


async def _measure(trial: Trial, folder: Path, environ: dict[str, str], size: Size) -> FaultFigures:
    say(f"{trial.title}: starting {size.workers} workers and 2 edges")
    async with _running(trial, folder, environ, size) as (fleet, everybody):
        hits = await hit_repeatedly(trial.fault, size.faults, fleet, everybody, say)
        return figures_of(trial.title, trial.settings, hits)


@asynccontextmanager
async def _running(
    trial: Trial, folder: Path, environ: dict[str, str], size: Size
) -> AsyncIterator[tuple[Fleet, list[Reader]]]:
    logs = folder / trial.title.replace(" ", "_")
    logs.mkdir()
    async with AsyncExitStack() as stack:
        roles = Roles(stack, logs, environ)
        edges = [(await roles.start("edge", SAMVAD, "edge")).said["edge"] for _ in range(2)]
        fleet = Fleet(stack, logs, {**environ, **trial.settings})
        for _ in range(size.workers):
            await fleet.start_one()
        yield fleet, await stack.enter_async_context(readers(edges, size.readers, MODEL))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench-takeover", description=__doc__)
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--readers", type=int, default=24)
    parser.add_argument("--faults", type=int, default=20, help="of each kind")
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/local-takeover.json"))
    return parser.parse_args()


def main() -> int:
    """The command. Ends with 130 on Ctrl-C or SIGTERM, and with 1 and a sentence when a server does not start."""
    options, load = _options(), load_average()
    size = Size(options.workers, options.readers, options.faults)
    measure = partial(_measure_all, size=size, load=load)
    show = partial(print_takeovers, console=console)
    return run_on_native_stack(Measurement(measure, show, options.out, RUN_SECONDS, nodes=1))


if __name__ == "__main__":
    raise SystemExit(main())
