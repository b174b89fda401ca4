"""What a run of unicast frames found, as it is kept in benchmarks/results/ and printed. Pure but for the printing."""

from dataclasses import dataclass

from rich.console import Console

from benchmarks.figures import Spread
from benchmarks.machine import Machine
from benchmarks.result import LoadAverage
from benchmarks.tables import table


@dataclass(frozen=True, slots=True)
class RateFigures:
    """One rate. `edge_us_per_frame` is CPU time, user and system mode; `way_ms` from the producer to the socket."""

    offered: int
    frames: int
    delivered_per_second: float
    lost: int
    edge_us_per_frame: float
    edge_cores: float
    broker_cores: float
    way_ms: Spread


@dataclass(frozen=True, slots=True)
class UnicastResult:
    """A whole run. Rates are frames a second."""

    machine: Machine
    load_average: LoadAverage
    sockets: int
    seconds_each: float
    rates: list[RateFigures]


def print_unicast(result: UnicastResult, console: Console) -> None:
    """The whole result as one table, readable on a screen and as markdown."""
    load = " / ".join(f"{each:.1f}" for each in result.load_average)
    console.print(f"{result.sockets} sockets of as many users, {result.seconds_each:.0f} s at each rate.")
    console.print(f"Machine: {result.machine}. Load average before the run: {load}.", soft_wrap=True)
    console.print()
    columns = ("delivered/s", "lost", "edge, µs per frame", "edge, cores", "broker, cores", "way p50, ms", "p99", "max")
    shown = table("frames offered/s", *columns)
    for each in result.rates:
        cores = f"{each.edge_us_per_frame:.1f}", f"{each.edge_cores:.2f}", f"{each.broker_cores:.2f}"
        way = f"{each.way_ms.p50:.1f}", f"{each.way_ms.p99:.1f}", f"{each.way_ms.max:.1f}"
        shown.add_row(str(each.offered), f"{each.delivered_per_second:.0f}", str(each.lost), *cores, *way)
    console.print(shown)
