"""What a run of faults found, as it is kept in benchmarks/results/ and printed. Seconds. Pure but for the printing."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from rich.console import Console

from benchmarks.faults import Hits
from benchmarks.figures import percentile
from benchmarks.machine import Machine
from benchmarks.result import LoadAverage
from benchmarks.tables import table

AIM = {"kill -9": "p95 <= 12 s", "kill -9, fast": "p95 <= 5 s", "SIGTERM": "<= 3 s"}


@dataclass(frozen=True, slots=True)
class Tail:
    """Of some samples, in seconds."""

    p50: float
    p95: float
    max: float
    samples: int


@dataclass(frozen=True, slots=True)
class FaultFigures:
    """One kind of fault under some settings. `frame` and `text`: from the fault to the next attempt's first frame and
    first text at the client; `pause`: from the last frame before; `told` and `given`: the rebalance.
    """

    title: str
    settings: dict[str, str]
    faults: int
    frame: Tail
    text: Tail
    pause: Tail
    told: Tail
    given: Tail


@dataclass(frozen=True, slots=True)
class TakeoverResult:
    """A whole run."""

    machine: Machine
    load_average: LoadAverage
    workers: int
    readers: int
    model: str
    seconds: float
    faults: list[FaultFigures]


def figures_of(title: str, settings: dict[str, str], hits: Hits) -> FaultFigures:
    """Raises ValueError if no fault hit a turn."""
    return FaultFigures(
        title,
        settings,
        hits.faults,
        frame=_tail([each.frame_seconds for each in hits.resumed]),
        text=_tail([each.text_seconds for each in hits.resumed]),
        pause=_tail([each.pause_seconds for each in hits.resumed]),
        told=_tail([each.told_seconds for each in hits.rebalances]),
        given=_tail([each.given_seconds for each in hits.rebalances]),
    )


def print_takeovers(result: TakeoverResult, console: Console) -> None:
    """The whole result as one table, readable on a screen and as markdown."""
    load = " / ".join(f"{each:.1f}" for each in result.load_average)
    console.print(f"{result.workers} workers, {result.readers} readers of {result.model}, {result.seconds:.0f} s.")
    console.print(f"Machine: {result.machine}. Load average before the run: {load}.", soft_wrap=True)
    console.print()
    columns = ("faults", "turns", "others told", "partitions given", "next frame", "next text", "silence", "aim")
    shown = table("seconds, p50 / p95 / max", *columns)
    for each in result.faults:
        tails = (each.told, each.given, each.frame, each.text, each.pause)
        shown.add_row(
            _name(each), str(each.faults), str(each.frame.samples), *map(_three, tails), AIM.get(each.title, "")
        )
    console.print(shown)


def _tail(seconds: Sequence[float]) -> Tail:
    return Tail(
        round(median(seconds), 2), round(percentile(seconds, 95), 2), round(max(seconds), 2), samples=len(seconds)
    )


def _three(tail: Tail) -> str:
    return f"{tail.p50:.1f} / {tail.p95:.1f} / {tail.max:.1f}"


def _name(figures: FaultFigures) -> str:
    settings = ", ".join(f"{name.removeprefix('SAMVAD_')}={value}" for name, value in figures.settings.items())
    return f"{figures.title} ({settings or 'defaults'})"
