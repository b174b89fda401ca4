"""`samvad prove`: everything on this machine, hundreds of people, faults from a seeded schedule, and a verdict."""

import asyncio
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Annotated, NoReturn, TypeVar

import typer

from infra.cli.progress import telling
from infra.cli.refusals import clear_refusals
from infra.prove.checking import Verdict, report
from infra.prove.fault_kinds import FaultKind
from infra.prove.options import MINUTES, THINK_SECONDS, ProofOptions
from infra.prove.proving import history_in, judge
from infra.prove.proving import prove as run_proof
from infra.refused import Refused
from infra.signals import run
from infra.starting import StoppedBeforeReady

T = TypeVar("T")

HELD, NOT_HELD, NOT_RUN = 0, 1, 2
"""Exit codes."""
SEEDS = 1_000_000
ALL, NONE = "all", "none"
FOLDER = Path(".samvad/prove")
KINDS = f"'{ALL}', '{NONE}', or some by commas: {', '.join(FaultKind)}"


class Schedule(StrEnum):
    """How much is broken."""

    SHORT = "short"
    FULL = "full"


@dataclass(frozen=True)
class Prove:
    """Break everything while people talk, and count what was lost, doubled or wrong.

    Starts its own servers, edges and workers on free ports and ends them all. Exit code 0: nothing was wrong. 1: the
    table names the first examples, and the command line that repeats the schedule. 2: it could not be run to its end.
    """

    # A command with its options as fields: typer calls it, and being made is being run.
    seed: Annotated[int | None, typer.Option(help="of people and faults; a failing run names its own")] = None
    schedule: Annotated[Schedule, typer.Option(help="short: 3 minutes of load, full: an hour")] = Schedule.SHORT
    minutes: Annotated[float | None, typer.Option(min=0.1, help="of load, instead of the schedule's")] = None
    faults: Annotated[str, typer.Option(help=KINDS)] = ALL
    clients: Annotated[int, typer.Option(min=1, help="people; one in five has a second device")] = 250
    think: Annotated[float, typer.Option(min=0, help="seconds before the next question, on average")] = THINK_SECONDS
    workers: Annotated[int, typer.Option(min=1, max=6)] = 2
    edges: Annotated[int, typer.Option(min=1)] = 2
    brokers: Annotated[int, typer.Option(help="1 or 3")] = 1
    folder: Annotated[Path | None, typer.Option(help=f"of the run; default {FOLDER}/TIME-SEED")] = None
    keep: Annotated[bool, typer.Option("--keep", help="leave the servers' data in the run's folder")] = False
    judge: Annotated[Path | None, typer.Option(help="run nothing: judge the folder of a run again")] = None

    def __post_init__(self) -> None:
        if self.judge is not None:
            _conclude(_or_not_run(partial(judge, history_in(self.judge))))
        options = _or_not_run(self._options)
        verdict, was_stopped = _or_not_run(partial(_run, options))
        _conclude(verdict, options, was_stopped)

    def _options(self) -> ProofOptions:
        seed = time.time_ns() % SEEDS if self.seed is None else self.seed
        folder = self.folder or FOLDER / f"{time.strftime('%Y%m%d-%H%M%S')}-{seed}"
        if folder.exists():
            raise Refused(f"{folder} is there already: name another --folder, or judge that run: --judge {folder}")
        return ProofOptions(
            folder=folder.absolute(),
            seed=seed,
            minutes=MINUTES[self.schedule] if self.minutes is None else self.minutes,
            faults=_kinds(self.faults),
            clients=self.clients,
            think_seconds=self.think,
            workers=self.workers,
            edges=self.edges,
            brokers=self.brokers,
            keep=self.keep,
        )


def _kinds(names: str) -> tuple[FaultKind, ...]:
    wanted = set(FaultKind) if names == ALL else set(names.split(",")) - {NONE, ""}
    if unknown := wanted - set(FaultKind):
        raise Refused(f"there is no fault {min(unknown)}; there are: {', '.join(FaultKind)}")
    return tuple(kind for kind in FaultKind if kind in wanted)


def _run(options: ProofOptions) -> tuple[Verdict, bool]:
    """The verdict, and whether the run was broken off."""
    return run(_proven(options))


async def _proven(options: ProofOptions) -> tuple[Verdict, bool]:
    stop = _first_stops_second_ends()
    with telling("proving") as say:
        say(f"seed {options.seed}, folder {options.folder}")
        return await run_proof(options, stop, say), stop.is_set()


def _first_stops_second_ends() -> asyncio.Event:
    """Of SIGINT and SIGTERM: the first ends the load and what there is is judged; the second only ends everything."""
    stop, loop, task = asyncio.Event(), asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None

    def told() -> None:
        if stop.is_set():
            task.cancel()
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told)
    return stop


def _conclude(verdict: Verdict, options: ProofOptions | None = None, was_stopped: bool = False) -> NoReturn:
    print(report(verdict))
    if options is not None:
        print(f"\nthe history and the logs: {options.folder}")
    if options is not None and not verdict.holds:
        print(f"the same schedule again: {options.repeated_by()}")
    if was_stopped:
        print("it was broken off: what was not asked any more is not proved")
    raise typer.Exit(NOT_HELD if not verdict.holds else NOT_RUN if was_stopped else HELD)


def _or_not_run(work: Callable[[], T]) -> T:
    """Its result; a sentence and exit code 2 when there is none."""
    try:
        with clear_refusals():
            return work()
    except (typer.Exit, StoppedBeforeReady, asyncio.CancelledError) as error:
        raise typer.Exit(NOT_RUN) from error
