"""`make bench`: one edge and one worker on the embedded broker, at 1 and at 50 streams, in one run of about 2 minutes.

In: nothing, or `--out FILE`. Out: tables on the screen, and the same figures as JSON. Only loopback is used; every
process that was started is ended, also by Ctrl-C.
"""

import argparse
import tempfile
import time
from functools import partial
from pathlib import Path

from benchmarks.command import console, load_average, run_and_keep, say
from benchmarks.course import Found, Plan, course
from benchmarks.embedded_system import embedded_system
from benchmarks.loads import Load
from benchmarks.machine import this_machine
from benchmarks.processes import Program
from benchmarks.result import Result
from benchmarks.starts import start_times_seconds
from benchmarks.system import ENDLESS, practice_provider, settings
from benchmarks.tables import print_result

RUN_SECONDS = 300.0
STARTS = 3
PLAN = Plan(
    warm_up=(Load(1, 16, 20, 1, 5, 0.0), Load(50, 16, 20, 2, 1, 0.3)),
    loads=(Load(1, 16, 20, 6, 10, 0.0), Load(50, 64, 20, 3, 2, 1.28), Load(50, 16, 200, 2, 1, 3.2)),
)


async def _measure_all() -> Result:
    began, load = time.monotonic(), load_average()
    with tempfile.TemporaryDirectory() as folder:
        async with practice_provider(Path(folder)) as provider:
            environ = settings(Path(folder), provider.said["base_url"], {*PLAN.models, ENDLESS})
            found = await _measure(Path(folder), environ, provider)
            say(f"starting `samvad chat` {STARTS} times")
            starts = await start_times_seconds(Path(folder), environ, STARTS)
    return Result(
        measured="embedded",
        processes={"broker": 1, "edge": 1, "worker": 1},
        machine=this_machine(),
        load_average=load,
        seconds=round(time.monotonic() - began, 1),
        warm_up_answers=PLAN.warm_up_answers,
        loads=found.loads,
        idle_cpu_share=found.idle_cpu_share,
        stop_ms=found.stop_ms,
        start_seconds=starts,
    )


async def _measure(folder: Path, environ: dict[str, str], provider: Program) -> Found:
    say("starting broker, worker and edge")
    async with embedded_system(folder, environ) as system, course(system, provider, PLAN, say) as running:
        return await running.run(PLAN)


def main() -> int:
    """The command. Ends with 130 on Ctrl-C, and with 1 and a sentence when something does not start."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/local-embedded.json"))
    show = partial(print_result, beside=None, console=console)
    return run_and_keep(_measure_all, RUN_SECONDS, parser.parse_args().out, show)


if __name__ == "__main__":
    raise SystemExit(main())
