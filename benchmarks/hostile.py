"""`make bench-hostile`: what clients that behave badly do to the others, and how much memory they take.

In: nothing, or how many clients, people and rounds. Out: a table on the screen, and a file of results. For each kind of
hostile client people ask in phases without and with them, in turn, so that both meet the machine's moods; the edge's
memory is read ten times a second. Everything runs in processes of its own: broker, edge and worker embedded, provider.
"""

import argparse
import asyncio
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path
from statistics import median

import msgspec
import psutil
from rich import box
from rich.table import Table

from benchmarks.command import console, load_average, run_and_keep, say
from benchmarks.embedded_system import embedded_system
from benchmarks.figures import Spread, percentile, spread
from benchmarks.hostile_clients import IDENTICAL, KINDS, UNFINISHED, Outcome
from benchmarks.machine import Machine, this_machine
from benchmarks.people import Person, people
from benchmarks.processes import program
from benchmarks.result import LoadAverage
from benchmarks.system import System, practice_provider, settings
from ws_edge.bounded_websocket import SLICE_BYTES
from ws_edge.server import SEND_BUFFER_BYTES
from ws_edge.settings import EdgeSettings

QUESTION, LONG, SLOW = "practice-16x20", "practice-400x100", "practice-64x20"
SAMPLE_SECONDS = 0.1
AIM_P99 = 1.2
"""The others' p99 with them, as a multiple of that without: at most."""
READ_BYTES = 256 * 1024
"""The most that the event loop reads at once."""
WRITE_BUFFER_BYTES = 64 * 1024
SESSION_BYTES = 40 * 1024
TURN_BYTES = 192 * 1024
"""An open turn at the edge: its newest frames (128 KiB) and the text before them."""
RUN_SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much is measured."""

    clients: int
    people: int
    rounds: int
    phase_seconds: float


@dataclass(frozen=True, slots=True)
class KindFigures:
    """One kind of client. Milliseconds are of the others' first tokens; `grown_bytes` is the edge's memory at its most
    above what it was before; `bound_bytes` is what the settings allow.
    """

    kind: str
    without_ms: Spread
    with_ms: Spread
    p99_ratio: float
    """The median over the rounds of p99 with them, by the same without."""
    grown_bytes: int
    bound_bytes: int
    ends: dict[str, int]
    bytes_written: int

    @property
    def is_bounded(self) -> bool:
        return self.grown_bytes <= self.bound_bytes

    @property
    def is_told_the_truth(self) -> bool:
        """Slow readers end with the stored text, or are told by 4409."""
        return self.kind != "reads_1_kb_per_second" or set(self.ends) <= {IDENTICAL, UNFINISHED, "4409"}


@dataclass(frozen=True, slots=True)
class HostileResult:
    """A whole run."""

    machine: Machine
    load_average: LoadAverage
    sizes: Sizes
    kinds: list[KindFigures]


def bound_bytes(edge: EdgeSettings, clients: int, turns: int = 2) -> int:
    """What so many hostile sessions may make an edge keep: each at most its outbox and one largest frame, what the
    transport holds beside it, one read, and the open turns of its user. The kernel's buffers are no part of its memory.
    """
    frame = SEND_BUFFER_BYTES
    each = SESSION_BYTES + edge.outbox_hard_bytes + frame + WRITE_BUFFER_BYTES + SLICE_BYTES + READ_BYTES
    return clients * (each + turns * TURN_BYTES)


class Memory:
    """The most that processes had together since `reset`, read all the time."""

    def __init__(self, pids: Sequence[int]) -> None:
        self._processes = [psutil.Process(pid) for pid in pids]
        self.most_bytes = 0

    def now_bytes(self) -> int:
        return sum(process.memory_info().rss for process in self._processes)

    async def watch(self) -> None:
        """Until it is cancelled."""
        while True:
            self.most_bytes = max(self.most_bytes, self.now_bytes())
            await asyncio.sleep(SAMPLE_SECONDS)


async def _first_tokens(someone: Sequence[Person], seconds: float) -> list[float]:
    """Everybody asks again and again for so long; milliseconds to each answer's first piece."""
    until, found = time.monotonic() + seconds, list[float]()

    async def ask_on(person: Person, begin_after: float) -> None:
        await asyncio.sleep(begin_after)
        while time.monotonic() < until:
            found.append((await person.ask(QUESTION)).first_token_ms)
            await asyncio.sleep(0.5)

    async with asyncio.TaskGroup() as tasks:
        for number, person in enumerate(someone):
            tasks.create_task(ask_on(person, number / len(someone) / 2))
    return found


@asynccontextmanager
async def _hostile(folder: Path, edge_url: str, kind: str, count: int, outcomes: list[Outcome]) -> AsyncIterator[None]:
    """So many clients of a kind, while the block runs."""
    file, model = folder / "outcome.json", SLOW if kind == "reads_1_kb_per_second" else LONG
    arguments = (edge_url, kind, str(count), model, str(file))
    async with program("benchmarks.hostile_clients", *arguments, log=folder / "hostile.log", environ={}):
        yield
    outcomes.append(msgspec.json.decode(file.read_bytes(), type=Outcome))


async def _measure_kind(
    folder: Path, system: System, someone: Sequence[Person], kind: str, sizes: Sizes
) -> KindFigures:
    memory, outcomes = Memory(system.pids["edge"]), list[Outcome]()
    before, without, with_them = memory.now_bytes(), list[list[float]](), list[list[float]]()
    async with asyncio.TaskGroup() as tasks:
        watching = tasks.create_task(memory.watch())
        for number in range(sizes.rounds):
            say(f"{kind}, round {number + 1} of {sizes.rounds}")
            without.append(await _first_tokens(someone, sizes.phase_seconds))
            async with _hostile(folder, system.edge_urls[0], kind, sizes.clients, outcomes):
                with_them.append(await _first_tokens(someone, sizes.phase_seconds))
        watching.cancel()
    edge = EdgeSettings()
    return KindFigures(
        kind=kind,
        without_ms=spread(list(chain(*without))),
        with_ms=spread(list(chain(*with_them))),
        p99_ratio=round(_p99(with_them) / _p99(without), 3),
        grown_bytes=memory.most_bytes - before,
        bound_bytes=bound_bytes(edge, sizes.clients),
        ends=dict(sum((Counter(outcome.ends) for outcome in outcomes), Counter())),
        bytes_written=sum(outcome.bytes_written for outcome in outcomes),
    )


def _p99(rounds: Sequence[Sequence[float]]) -> float:
    return median(percentile(each, 99) for each in rounds)


async def _measure_all(sizes: Sizes, kinds: Sequence[str]) -> HostileResult:
    load = load_average()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        async with practice_provider(folder) as provider:
            environ = settings(folder, provider.said["base_url"], {QUESTION, LONG, SLOW})
            say("starting broker, worker and edge")
            async with embedded_system(folder, environ) as system, people(system.edge_urls, sizes.people) as someone:
                await _first_tokens(someone, sizes.phase_seconds)
                found = [await _measure_kind(folder, system, someone, kind, sizes) for kind in kinds]
    return HostileResult(this_machine(), load, sizes, found)


def print_hostile(result: HostileResult) -> None:
    """The table, and what it was measured on."""
    table = Table(box=box.MARKDOWN)
    for column in ("client", "others' p50, ms", "p99, ms", f"p99 ratio (aim {AIM_P99})", "edge grew, MiB", "ended as"):
        table.add_column(column)
    for one in result.kinds:
        first, then, ends = one.without_ms, one.with_ms, ", ".join(f"{k}: {n}" for k, n in sorted(one.ends.items()))
        grown = f"{one.grown_bytes / 2**20:.1f} of {one.bound_bytes / 2**20:.0f}"
        p50, p99 = f"{first.p50:.0f} → {then.p50:.0f}", f"{first.p99:.0f} → {then.p99:.0f}"
        table.add_row(one.kind, p50, p99, f"{one.p99_ratio:.2f}", grown, ends)
    console.print(table)
    console.print(f"{result.sizes}; load average before {result.load_average}; {result.machine}", highlight=False)


def main() -> int:
    """The command. Ends with 130 on Ctrl-C, and with 1 and a sentence when something does not start."""
    parser = argparse.ArgumentParser(prog="make bench-hostile", description=__doc__)
    for name, default in (("clients", 20), ("people", 20), ("rounds", 5)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--phase-seconds", type=float, default=15)
    parser.add_argument("--kind", choices=list(KINDS), action="append")
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/local-hostile.json"))
    given = parser.parse_args()
    sizes = Sizes(given.clients, given.people, given.rounds, given.phase_seconds)
    measuring = partial(_measure_all, sizes, given.kind or list(KINDS))
    return run_and_keep(measuring, RUN_SECONDS, given.out, print_hostile)


if __name__ == "__main__":
    raise SystemExit(main())
