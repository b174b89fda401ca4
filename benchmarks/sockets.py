"""`make bench-sockets`: ten thousand sockets on one edge process for ten minutes, then `kill -9`, and all come back.

In: nothing, or `--sockets N`, `--minutes M`. Out: tables on the screen, and the same figures as JSON. One in a hundred
reads an answer at any time. Edge, worker and practice provider are processes of their own, this one is the crowd. Real
Kafka, for the embedded broker answers a fetch with one batch of each partition, so that an edge which starts would read
the last replies for half a minute; history in SQLite, which takes less of the machine than Cassandra. Only loopback is
used; every process that was started is ended, also by Ctrl-C.
"""

import argparse
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

from benchmarks.command import console, load_average, say
from benchmarks.crowd import Crowd
from benchmarks.lone_edge import Ground, address_of, ground, token_of
from benchmarks.machine import this_machine
from benchmarks.native_stack import Measurement, NativeStack, run_on_native_stack
from benchmarks.processes import SAMVAD, program
from benchmarks.result import LoadAverage
from benchmarks.socket_phases import all_come, all_come_back, all_stay, kill, resident_kib
from benchmarks.socket_users import Users
from benchmarks.sockets_result import SocketsResult, print_sockets
from benchmarks.system import practice_provider, settings
from infra.stack.options import free_ports

RUN_SECONDS = 3600.0
MODEL = "practice-100x200"
"""An answer of 20 s at the pace of reading."""
ACTIVE_SHARE = 0.01
AGAIN_MINUTES = 1.0


async def _measure_all(
    folder: Path, servers: NativeStack, options: argparse.Namespace, load: LoadAverage
) -> SocketsResult:
    async with _standing(folder, servers) as standing:
        return await _measure(standing, options, load)


@asynccontextmanager
async def _standing(folder: Path, servers: NativeStack) -> AsyncIterator[Ground]:
    """Everything but the edge."""
    async with practice_provider(folder) as provider:
        environ = {**settings(folder, provider.said["base_url"], {MODEL}), **servers.environ}
        say("starting a worker")
        async with program(SAMVAD, "worker", log=folder / "worker.log", environ=environ):
            yield ground(folder, {**environ, "SAMVAD_PORT": str(next(free_ports()))})


async def _measure(standing: Ground, options: argparse.Namespace, load: LoadAverage) -> SocketsResult:
    active = max(1, int(options.sockets * ACTIVE_SHARE))
    async with standing.edge("edge-1") as edge:
        say(f"edge {edge.pid}: {options.sockets} sockets come")
        crowd = Crowd(address_of(edge), [token_of(f"listener-{number}") for number in range(options.sockets)])
        users, memory = Users(crowd), await all_come(crowd, edge)
        say(f"they stay for {options.minutes:g} minutes, {active} read an answer at a time")
        with users.talking(active, MODEL):
            steady = await all_stay(crowd, users, edge, options.minutes)
        memory = replace(memory, at_the_end=resident_kib(edge))
        say("the edge is killed")
        killed_at = kill(crowd, edge)
    async with standing.edge("edge-2") as edge:
        back = await all_come_back(crowd, edge, killed_at)
        say(f"all are back after {back.all_back} s, and stay for {AGAIN_MINUTES:g} more")
        with users.talking(active, MODEL):
            again = await all_stay(crowd, users, edge, AGAIN_MINUTES)
        crowd.leave()
    return SocketsResult(this_machine(), load, options.sockets, active, MODEL, memory, steady, back, again)


def main() -> int:
    """The command. Ends with 130 on Ctrl-C or SIGTERM, and with 1 and a sentence when something does not start."""
    parser = argparse.ArgumentParser(prog="make bench-sockets", description=__doc__)
    parser.add_argument("--sockets", type=int, default=10_000)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/local-sockets.json"))
    options, load = parser.parse_args(), load_average()
    measure = partial(_measure_all, options=options, load=load)
    show = partial(print_sockets, console=console)
    return run_on_native_stack(Measurement(measure, show, options.out, RUN_SECONDS, sockets=options.sockets))


if __name__ == "__main__":
    raise SystemExit(main())
