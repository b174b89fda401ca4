"""`make bench-unicast`: how many distinct frames one edge process hands to how many distinct sockets in a second.

In: nothing, or `--sockets N`, `--rates A,B,...` and `--seconds S` of each. Out: a table on the screen, and the same
figures as JSON. Each user has one socket; a producer process writes everybody's answers straight to `chat.replies`.
Real Kafka, for the embedded broker answers a fetch with one batch of each partition, and so carries 4,000
such frames a second at most. Only loopback is used; every process that was started is ended, also by Ctrl-C.
"""

import argparse
import time
from functools import partial
from pathlib import Path

from benchmarks.command import console, load_average, say
from benchmarks.cpu import Pids, cpu_seconds, cpu_seconds_since
from benchmarks.crowd import Crowd
from benchmarks.figures import spread
from benchmarks.lone_edge import Ground, address_of, ground, token_of
from benchmarks.machine import this_machine
from benchmarks.native_stack import Measurement, NativeStack, run_on_native_stack
from benchmarks.processes import program
from benchmarks.result import LoadAverage
from benchmarks.system import settings
from benchmarks.unicast_arrivals import Arrivals
from benchmarks.unicast_frames import MODEL, conversation_of, name_of
from benchmarks.unicast_result import RateFigures, UnicastResult, print_unicast
from schemas.client_frames import Watch

RUN_SECONDS = 1800.0
NO_PROVIDER = "http://127.0.0.1:9/v1"
"""No worker runs, so nobody asks it."""
CONNECTS_PER_SECOND = 400.0
WATCH_SECONDS = 60.0
OVERTIME_SECONDS = 20.0
"""For an edge that was given more than it can do."""
RATES = "2000,5000,10000,15000,20000"


async def _measure_all(
    folder: Path, servers: NativeStack, options: argparse.Namespace, load: LoadAverage
) -> UnicastResult:
    rates = [int(each) for each in options.rates.split(",")]
    standing = ground(folder, {**settings(folder, NO_PROVIDER, {MODEL}), **servers.environ})
    async with standing.edge("edge") as edge:
        say(f"edge {edge.pid}: {options.sockets} sockets")
        crowd = Crowd(address_of(edge), [token_of(name_of(number)) for number in range(options.sockets)])
        arrivals = await _watched(crowd)
        pids = {"edge": [edge.pid], **servers.pids}
        found = [await _measure(rate, options.seconds, standing, arrivals, pids) for rate in rates]
        crowd.leave()
    return UnicastResult(this_machine(), load, options.sockets, options.seconds, found)


async def _watched(crowd: Crowd) -> Arrivals:
    """Everybody is in, and watches."""
    arrivals = Arrivals()
    for member in crowd.members:
        member.heard = arrivals.hear
        member.greet = partial(member.say, Watch(conversation_of(member.number)))
    await crowd.come(len(crowd.members), CONNECTS_PER_SECOND)
    await arrivals.watching(len(crowd.members), WATCH_SECONDS)
    return arrivals


async def _measure(rate: int, seconds: float, standing: Ground, arrivals: Arrivals, pids: Pids) -> RateFigures:
    say(f"{rate} frames a second for {seconds:.0f} s")
    arguments = ("--users", str(arrivals.watchers), "--rate", str(rate), "--seconds", str(seconds))
    arrivals.begin()
    log, before, began = standing.folder / "producer.log", cpu_seconds(pids), time.monotonic()
    async with program("benchmarks.unicast_producer", *arguments, log=log, environ=standing.environ) as producer:
        frames = int(producer.said["frames"])
        await arrivals.reached(frames, seconds + OVERTIME_SECONDS)
    used, lasted = cpu_seconds_since(before, pids), time.monotonic() - began
    arrived = arrivals.count
    return RateFigures(
        offered=rate,
        frames=arrived,
        delivered_per_second=round(arrived / arrivals.seconds, 1),
        lost=frames - arrived,
        edge_us_per_frame=round(used["edge"] / arrived * 1e6, 2),
        edge_cores=round(used["edge"] / lasted, 3),
        broker_cores=round(used["broker"] / lasted, 3),
        way_ms=spread(arrivals.way_ms),
    )


def main() -> int:
    """The command. Ends with 130 on Ctrl-C or SIGTERM, and with 1 and a sentence when something does not start."""
    parser = argparse.ArgumentParser(prog="make bench-unicast", description=__doc__)
    parser.add_argument("--sockets", type=int, default=4000)
    parser.add_argument("--rates", default=RATES)
    parser.add_argument("--seconds", type=float, default=15.0)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/local-unicast.json"))
    options, load = parser.parse_args(), load_average()
    measure = partial(_measure_all, options=options, load=load)
    show = partial(print_unicast, console=console)
    return run_on_native_stack(Measurement(measure, show, options.out, RUN_SECONDS, sockets=options.sockets))


if __name__ == "__main__":
    raise SystemExit(main())
