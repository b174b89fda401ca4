"""A result as tables, readable on a screen and as markdown alike.

In: a `Result`. Out: printed tables, with the aim beside the figure where there is one.
"""

from rich import box
from rich.console import Console
from rich.table import Table

from benchmarks.figures import Spread
from benchmarks.result import LoadFigures, Result, WayFigures
from benchmarks.stages import STAGES

AIM_OWN_SHARE_MS = 30.0
AIM_STOP_MS = 300.0


def print_result(result: Result, console: Console) -> None:
    """The whole result."""
    console.print(f"Machine: {result.machine}. The run took {result.seconds:.0f} s.", highlight=False, soft_wrap=True)
    for table in (_streams(result), _first_token(result), _cpu(result), _single_figures(result)):
        console.print()
        console.print(table)


def _streams(result: Result) -> Table:
    table = _table("through the system, and straight from the provider")
    for load in result.loads:
        table.add_column(f"{_streams_of(load)}: system", justify="right")
        table.add_column("provider", justify="right")
        table.add_column("added", justify="right")
    rows = [_way_rows(load) for load in result.loads]
    for cells in zip(*rows, strict=True):
        table.add_row(cells[0][0], *(cell for _, *values in cells for cell in values))
    return table


def _way_rows(load: LoadFigures) -> list[tuple[str, str, str, str]]:
    system, direct = load.system, load.direct
    return [
        ("first token p50, ms", *_first_tokens(system, direct, "p50")),
        ("first token p99, ms", *_first_tokens(system, direct, "p99")),
        ("gap between pieces p50, ms", f"{system.gap_ms.p50:.1f}", f"{direct.gap_ms.p50:.1f}", ""),
        ("gap between pieces p99, ms", f"{system.gap_ms.p99:.1f}", f"{direct.gap_ms.p99:.1f}", ""),
        ("provider chunks a second", f"{system.chunks_per_second:.0f}", f"{direct.chunks_per_second:.0f}", ""),
        ("frames a second at clients", f"{load.frames_per_second:.0f}", "", ""),
        ("answers", str(load.answers), str(direct.first_token_ms.samples), ""),
    ]


def _first_tokens(system: WayFigures, direct: WayFigures, name: str) -> tuple[str, str, str]:
    ours: float = getattr(system.first_token_ms, name)
    theirs: float = getattr(direct.first_token_ms, name)
    return f"{ours:.1f}", f"{theirs:.1f}", f"{ours - theirs:+.1f}"


def _first_token(result: Result) -> Table:
    table = _table("where the first token's time goes, p50, ms")
    for load in result.loads:
        table.add_column(f"{_streams_of(load)}: system", justify="right")
        table.add_column("provider", justify="right")
    for stage in STAGES:
        values = [(load.stage_p50_ms[stage], load.direct_stage_p50_ms.get(stage)) for load in result.loads]
        table.add_row(stage, *(f"{value:.1f}" if value is not None else "" for pair in values for value in pair))
    aim = f"all but LiteLLM's call and the provider (aim at 1 stream: under {AIM_OWN_SHARE_MS:.0f})"
    table.add_row(aim, *(cell for load in result.loads for cell in (f"{load.without_the_call_ms.p50:.1f}", "")))
    table.add_row("accepted", *(cell for load in result.loads for cell in (f"{load.accepted_ms.p50:.1f}", "")))
    return table


def _cpu(result: Result) -> Table:
    table = _table("CPU")
    for load in result.loads:
        table.add_column(f"{_streams_of(load)}: µs per chunk", justify="right")
    table.add_column("idle, % of a core", justify="right")
    for role, share in result.idle_cpu_share.items():
        table.add_row(role, *(f"{load.cpu_us_per_chunk[role]:.0f}" for load in result.loads), f"{share:.1%}")
    table.add_row("edge, µs per frame", *(f"{load.edge_cpu_us_per_frame:.0f}" for load in result.loads), "")
    return table


def _single_figures(result: Result) -> Table:
    table = _table("")
    for name in ("p50", "p99", "worst", "aim"):
        table.add_column(name, justify="right")
    table.add_row(
        f"stop → provider's connection closed, ms ({result.stop_ms.samples} stops)",
        *_cells(result.stop_ms),
        f"p99 < {AIM_STOP_MS:.0f}",
    )
    starts = sorted(result.start_seconds)
    middle, worst = f"{starts[len(starts) // 2]:.1f}", f"{starts[-1]:.1f}"
    table.add_row(f"`samvad chat` → ready, s ({len(starts)} starts)", middle, "", worst, "")
    return table


def _cells(figures: Spread) -> tuple[str, str, str]:
    return f"{figures.p50:.0f}", f"{figures.p99:.0f}", f"{figures.max:.0f}"


def _streams_of(load: LoadFigures) -> str:
    return "1 stream" if load.streams == 1 else f"{load.streams} streams"


def _table(first_column: str) -> Table:
    table = Table(box=box.MARKDOWN)
    table.add_column(first_column)
    return table
