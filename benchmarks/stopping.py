"""`make bench-stops`: how soon stops work with several workers, and that none is lost; a few minutes.

In: nothing, or how many processes, stops and races. Out: a table on the screen. It starts real Kafka and Cassandra for
itself, or uses a stack that stands with nothing else on it (`--stack FOLDER`); every process it started is ended.
"""

import argparse
import asyncio
import signal
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from rich import box
from rich.table import Table

from benchmarks.command import INTERRUPTED, console, failed, interrupt, load_average, say
from benchmarks.direct import provider_at
from benchmarks.figures import Spread, spread
from benchmarks.native_stack import NativeStack, native_stack
from benchmarks.people import people
from benchmarks.processes import DidNotStart
from benchmarks.real_system import Size, real_system
from benchmarks.stop_races import SHORT, Race, stop_races
from benchmarks.stops import stop_times_ms
from benchmarks.system import ENDLESS, practice_provider, settings
from benchmarks.tables import AIM_STOP_MS
from infra.signals import run
from infra.stack import StackError, addresses

STOPPERS = 8
WARM_UP_STOPS = 80


async def _measure(folder: Path, servers: NativeStack, size: Size, stops: int, races: int) -> bool:
    """Prints both tables; False if a race was not clean."""
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    async with practice_provider(folder) as provider:
        environ = settings(folder, provider.said["base_url"], {ENDLESS, SHORT})
        say(f"starting {size.edges} edges and {size.workers} workers; load average {load_average()}")
        async with real_system(folder, environ, servers, size) as system:
            async with provider_at(provider.said["base_url"]) as record, people(system.edge_urls, STOPPERS) as someone:
                say(f"warming up: {WARM_UP_STOPS} stops")
                await stop_times_ms(someone, record, WARM_UP_STOPS)
                say(f"stopping {stops} endless answers")
                times = await stop_times_ms(someone, record, stops)
            say(f"{races} stops that race with a start or an end")
            raced = await stop_races(system.edge_urls, races)
    console.print(_times_table(spread(times)))
    console.print(_races_table(raced))
    return all(race.is_clean for race in raced)


def _times_table(times: Spread) -> Table:
    table = _table("", "p50", "p99", "worst", "aim")
    name = f"stop → provider's connection closed, ms ({times.samples} stops)"
    table.add_row(name, f"{times.p50:.0f}", f"{times.p99:.0f}", f"{times.max:.0f}", f"p99 < {AIM_STOP_MS:.0f}")
    return table


def _races_table(races: Sequence[Race]) -> Table:
    table = _table(
        "races with", "stops", "stopped", "completed", "failed", "lost", "not answered", "shown after", "p50", "p99"
    )
    for moment in ("start", "end"):
        mine = [race for race in races if race.moment == moment]
        ends = Counter(race.end for race in mine)
        unanswered, late = sum(not race.is_answered for race in mine), sum(race.frames_after_end for race in mine)
        counts = (len(mine), *(ends[each] for each in ("stopped", "completed", "failed", "lost")), unanswered, late)
        times = spread([race.end_ms for race in mine])
        table.add_row(moment, *map(str, counts), f"{times.p50:.0f} ms", f"{times.p99:.0f} ms")
    return table


def _table(first_column: str, *others: str) -> Table:
    table = Table(box=box.MARKDOWN)
    table.add_column(first_column)
    for name in others:
        table.add_column(name, justify="right")
    return table


@contextmanager
def _servers(folder: Path, standing: Path | None) -> Iterator[NativeStack]:
    if standing is not None:
        yield NativeStack(addresses(standing).environ(), {})
        return
    with native_stack(folder, 1, 1, say) as servers:
        yield servers


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench-stops", description=__doc__)
    for name, default in (("edges", 2), ("workers", 4), ("stops", 400), ("races", 500)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--stack", type=Path, help="the folder of a running `samvad stack`")
    return parser.parse_args()


def main() -> int:
    """The command. Ends with 1 if a stop was lost or not clean, with 130 on Ctrl-C or SIGTERM."""
    options = _options()
    size = Size(options.edges, options.workers)
    signal.signal(signal.SIGTERM, interrupt)
    try:
        with tempfile.TemporaryDirectory() as name, _servers(Path(name) / "stack", options.stack) as servers:
            return 0 if run(_measure(Path(name), servers, size, options.stops, options.races)) else 1
    except (KeyboardInterrupt, asyncio.CancelledError):
        return INTERRUPTED
    except (StackError, DidNotStart) as error:
        return failed(str(error))


if __name__ == "__main__":
    raise SystemExit(main())
