"""What a run of very many sockets found, as kept in benchmarks/results/ and printed. Pure but for the printing."""

from collections.abc import Iterator
from dataclasses import dataclass

from rich.console import Console

from benchmarks.figures import Spread
from benchmarks.loop_lag import LoopLag
from benchmarks.machine import Machine
from benchmarks.result import LoadAverage
from benchmarks.tables import table

AIM_KIB = 40.0
AIM_BACK_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Memory:
    """Resident memory of the edge, in KiB; `each`: what one more socket costs."""

    few_sockets: int
    all_sockets: int
    at_the_end: int
    each: float


@dataclass(frozen=True, slots=True)
class Steady:
    """The time in which nothing should happen. `dropped`: sockets that ended, by close code; `missed`: silences of
    two heartbeats; `longest_silence` in seconds; `ends`: answers by how they ended."""

    minutes: float
    dropped: dict[str, int]
    missed: int
    longest_silence: float
    ends: dict[str, int]
    first_delta_ms: Spread
    pong_ms: Spread
    edge_cores: float
    loop_late: LoopLag
    loop_held: LoopLag


@dataclass(frozen=True, slots=True)
class Return:
    """After `kill -9` of the edge, in seconds from there. `turned_away`: by close code; `refused`: nobody listened."""

    edge_ready: float
    half_back: float
    all_back: float
    tries: int
    refused: int
    turned_away: dict[str, int]
    most_tries_a_second: int
    most_ready_a_second: int
    edge_cpu_seconds: float
    loop_held: LoopLag


@dataclass(frozen=True, slots=True)
class SocketsResult:
    """A whole run."""

    machine: Machine
    load_average: LoadAverage
    sockets: int
    active: int
    model: str
    memory: Memory
    steady: Steady
    back: Return
    again: Steady


def print_sockets(result: SocketsResult, console: Console) -> None:
    """The whole result as tables, readable on a screen and as markdown."""
    load = " / ".join(f"{each:.1f}" for each in result.load_average)
    console.print(f"{result.sockets} sockets on one edge, {result.active} read an answer ({result.model}) at a time.")
    console.print(f"Machine: {result.machine}. Load average before the run: {load}.", soft_wrap=True)
    for title, rows in (
        ("memory of the edge", _memory(result.memory)),
        (f"{result.steady.minutes:g} minutes", _steady(result.steady)),
        ("after kill -9 of the edge", _back(result.back)),
        (f"{result.again.minutes:g} minutes on the other edge", _steady(result.again)),
    ):
        shown = table(title, "", "aim")
        for name, value, aim in rows:
            shown.add_row(name, value, aim)
        console.print()
        console.print(shown)


Rows = Iterator[tuple[str, str, str]]
"""What it is, the figure, the aim."""


def _memory(memory: Memory) -> Rows:
    yield "one socket more, KiB", f"{memory.each:.1f}", f"<= {AIM_KIB:.0f}"
    yield "all sockets / at the end, MiB", f"{memory.all_sockets / 1024:.0f} / {memory.at_the_end / 1024:.0f}", ""


def _steady(steady: Steady) -> Rows:
    yield "dropped", _counts(steady.dropped), "0"
    yield "heartbeats missed", str(steady.missed), "0"
    yield "longest silence, s", f"{steady.longest_silence:.1f}", ""
    yield "answers", _counts(steady.ends), ""
    yield "first delta p50 / p99, ms", _both(steady.first_delta_ms), ""
    yield "ping to pong p50 / p99, ms", _both(steady.pong_ms), ""
    yield "edge, cores", f"{steady.edge_cores:.2f}", ""
    yield "loop late p99 / worst, below s", _lag(steady.loop_late), ""
    yield "loop held by code p99 / worst, below s", _lag(steady.loop_held), ""


def _back(back: Return) -> Rows:
    yield "next edge ready, s", f"{back.edge_ready:.1f}", ""
    yield "half back / all back, s", f"{back.half_back:.1f} / {back.all_back:.1f}", f"<= {AIM_BACK_SECONDS:.0f}"
    yield "tries / of them while nobody listened", f"{back.tries} / {back.refused}", ""
    yield "turned away by the edge", _counts(back.turned_away), ""
    yield "most tries / sessions in one second", f"{back.most_tries_a_second} / {back.most_ready_a_second}", ""
    yield "next edge's CPU until all were back, s", f"{back.edge_cpu_seconds:.1f}", ""
    yield "loop held by code p99 / worst, below s", _lag(back.loop_held), ""


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in sorted(counts.items())) or "0"


def _both(figures: Spread) -> str:
    return f"{figures.p50:.1f} / {figures.p99:.1f}"


def _lag(lag: LoopLag) -> str:
    return f"{lag.p99:g} / {lag.worst:g}"
