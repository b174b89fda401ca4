"""A result as tables, readable on a screen and as markdown alike; another one of the same machine may stand beside it.

In: one or two `Result`s. Out: printed tables, with the aim beside the figure where there is one.
"""

from collections.abc import Iterator

from rich import box
from rich.console import Console
from rich.table import Table

from benchmarks.figures import Spread
from benchmarks.result import LoadFigures, Result, WayFigures
from benchmarks.stages import STAGES

AIM_STOP_MS = 300.0
AIMS = {"embedded": "30", "real stack": "20 / 60"}
"""For Samvad's own share of the first token at 1 stream, in ms: p50, or p50 / p99."""

PER_FRAME = ("edge", "broker", "store")

Column = tuple[str, LoadFigures]
"""What was measured, and its figures."""


def print_result(result: Result, beside: Result | None, console: Console) -> None:
    """The whole result, load by load with those of the other one."""
    for line in _heading(result):
        console.print(line, highlight=False, soft_wrap=True)
    columns = list(_columns(result, beside))
    for table in (_streams(columns), _first_token(columns, AIMS[result.measured]), _cpu(columns, result)):
        console.print()
        console.print(table)
    console.print()
    console.print(_single_figures(result, beside))


def _heading(result: Result) -> Iterator[str]:
    processes = ", ".join(f"{count} {role}" for role, count in result.processes.items())
    load = " / ".join(f"{each:.1f}" for each in result.load_average)
    yield f"{result.measured}: {processes}. {result.seconds:.0f} s; {result.warm_up_answers} answers to warm up."
    yield f"Machine: {result.machine}. Load average before the run: {load}."


def _columns(result: Result, beside: Result | None) -> Iterator[Column]:
    """A result's loads, each followed by the same load of the other one."""
    others = {load.title: load for load in beside.loads} if beside else {}
    for load in result.loads:
        yield result.measured, load
        if beside and load.title in others:
            yield beside.measured, others[load.title]


def _streams(columns: list[Column]) -> Table:
    names = ("first token p50, ms", "p99", "added p50", "added p99", "gap p50", "gap p99", "chunks/s", "answers")
    rows = table("", *names)
    for measured, load in columns:
        added = f"{load.added_ms('p50'):+.1f}", f"{load.added_ms('p99'):+.1f}"
        rows.add_row(f"{load.title}: {measured}", *_way(load.system, added))
        rows.add_row("straight from the provider", *_way(load.direct, ("", "")))
    return rows


def _way(way: WayFigures, added: tuple[str, str]) -> tuple[str, ...]:
    first, gap = way.first_token_ms, way.gap_ms
    rest = f"{gap.p50:.1f}", f"{gap.p99:.1f}", f"{way.chunks_per_second:.0f}", str(first.samples)
    return f"{first.p50:.1f}", f"{first.p99:.1f}", *added, *rest


def _first_token(columns: list[Column], aim: str) -> Table:
    rows = table("where the first token's time goes, p50 / p99, ms", *map(_column_title, columns))
    for stage in STAGES:
        rows.add_row(stage, *(_both(load.stages_ms[stage]) for _, load in columns))
    own = f"**all but LiteLLM's call and the provider** (aim at 1 stream: {aim})"
    rows.add_row(own, *(_both(load.without_the_call_ms) for _, load in columns))
    rows.add_row("accepted", *(_both(load.accepted_ms) for _, load in columns))
    return rows


def _cpu(columns: list[Column], result: Result) -> Table:
    rows = table("CPU", *map(_column_title, columns), "idle, % of a core")
    for role, share in result.idle_cpu_share.items():
        rows.add_row(f"{role}, cores", *(_cores(load, role) for _, load in columns), f"{share:.1%}")
    rows.add_row("worker, µs per chunk", *(f"{load.cpu['worker'].us_per_chunk:.0f}" for _, load in columns))
    for role in PER_FRAME:
        if role in result.idle_cpu_share:
            rows.add_row(f"{role}, µs per frame", *(_per_frame(load, role) for _, load in columns))
    if "store" in result.idle_cpu_share:
        rows.add_row("store, ms per answer", *(_per_turn(load, "store") for _, load in columns))
    return rows


def _single_figures(result: Result, beside: Result | None) -> Table:
    rows = table("", "p50", "p99", "worst", "aim")
    for each in (result, beside) if beside else (result,):
        stops, aim = each.stop_ms, f"p99 < {AIM_STOP_MS:.0f}"
        name = f"{each.measured}: stop → provider's connection closed, ms ({stops.samples} stops)"
        rows.add_row(name, f"{stops.p50:.0f}", f"{stops.p99:.0f}", f"{stops.max:.0f}", aim)
    if starts := sorted(result.start_seconds):
        middle, worst = f"{starts[len(starts) // 2]:.1f}", f"{starts[-1]:.1f}"
        rows.add_row(f"`samvad chat` → ready, s ({len(starts)} starts)", middle, "", worst, "")
    return rows


def _column_title(column: Column) -> str:
    measured, load = column
    return f"{load.title}: {measured}"


def _both(figures: Spread) -> str:
    return f"{figures.p50:.1f} / {figures.p99:.1f}"


def _cores(load: LoadFigures, role: str) -> str:
    return f"{load.cpu[role].cores:.2f}" if role in load.cpu else ""


def _per_frame(load: LoadFigures, role: str) -> str:
    return f"{load.cpu[role].us_per_frame:.0f}" if role in load.cpu else ""


def _per_turn(load: LoadFigures, role: str) -> str:
    return f"{load.cpu[role].ms_per_turn:.1f}" if role in load.cpu else ""


def table(first_column: str, *others: str) -> Table:
    """Without rows; markdown is what it looks like."""
    empty = Table(box=box.MARKDOWN)
    empty.add_column(first_column)
    for name in others:
        empty.add_column(name, justify="right")
    return empty
