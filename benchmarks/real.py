"""`make bench-real`: edges and workers on real Kafka and Cassandra, at 1, 50 and 200 streams, in about 5 minutes.

In: nothing, or how many processes of each role. Out: tables on the screen, next to the embedded figures of this
machine, and the same figures as JSON. Only loopback is used; every process that was started is ended, also by Ctrl-C.
"""

import argparse
import time
from functools import partial
from pathlib import Path

from benchmarks.command import console, kept, load_average, say
from benchmarks.course import Found, Plan, course
from benchmarks.loads import Load
from benchmarks.machine import this_machine
from benchmarks.native_stack import Measurement, NativeStack, run_on_native_stack
from benchmarks.processes import Program
from benchmarks.real_system import Size, real_system
from benchmarks.result import LoadAverage, Result
from benchmarks.system import ENDLESS, practice_provider, settings
from benchmarks.tables import print_result

RUN_SECONDS = 360.0
PLAN = Plan(
    # Java compiles what runs often: until more than a thousand answers went through, Kafka and Cassandra get faster.
    warm_up=(Load(1, 4, 20, 1, 50, 0.0), Load(50, 2, 20, 1, 20, 0.3)),
    loads=(
        Load(1, 16, 20, 10, 10, 0.0),
        Load(50, 64, 20, 3, 2, 1.28),
        Load(200, 64, 20, 2, 1, 1.28),
        Load(50, 16, 200, 2, 1, 3.2),
        Load(200, 16, 200, 2, 1, 3.2),
    ),
)


async def _measure_all(folder: Path, servers: NativeStack, size: Size, load: LoadAverage) -> Result:
    began = time.monotonic()
    async with practice_provider(folder) as provider:
        environ = settings(folder, provider.said["base_url"], {*PLAN.models, ENDLESS})
        found = await _measure(folder, environ, provider, servers, size)
    return Result(
        measured="real stack",
        processes=size.processes,
        machine=this_machine(),
        load_average=load,
        seconds=round(time.monotonic() - began, 1),
        warm_up_answers=PLAN.warm_up_answers,
        loads=found.loads,
        idle_cpu_share=found.idle_cpu_share,
        stop_ms=found.stop_ms,
        start_seconds=[],
    )


async def _measure(folder: Path, environ: dict[str, str], provider: Program, servers: NativeStack, size: Size) -> Found:
    say("starting " + " and ".join(f"{count} {role}" for role, count in size.processes.items()))
    async with (
        real_system(folder, environ, servers, size) as system,
        course(system, provider, PLAN, say) as running,
    ):
        return await running.run(PLAN)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench-real", description=__doc__)
    for role in ("edges", "workers"):
        parser.add_argument(f"--{role}", type=int, default=1)
    for servers in ("brokers", "nodes"):
        parser.add_argument(f"--{servers}", type=int, default=1, choices=(1, 3))
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/local-real.json"))
    parser.add_argument("--beside", type=Path, default=Path("benchmarks/results/embedded.json"))
    return parser.parse_args()


def main() -> int:
    """The command. Ends with 130 on Ctrl-C or SIGTERM, and with 1 and a sentence when a server does not start."""
    options = _options()
    size = Size(options.edges, options.workers, options.brokers, options.nodes)
    load = load_average()
    measure = partial(_measure_all, size=size, load=load)
    show = partial(print_result, beside=kept(options.beside), console=console)
    return run_on_native_stack(Measurement(measure, show, options.out, RUN_SECONDS, size.brokers, size.nodes))


if __name__ == "__main__":
    raise SystemExit(main())
