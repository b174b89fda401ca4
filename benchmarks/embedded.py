"""`make bench`: one edge and one worker on the embedded broker, at 1 and at 50 streams, in one run of about 2 minutes.

In: nothing, or `--out FILE`. Out: tables on the screen, and the same figures as JSON. Only loopback is used; every
process that was started is ended, also by Ctrl-C.
"""

import argparse
import asyncio
import signal
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import msgspec
from rich.console import Console

from benchmarks.direct import Provider, provider_at
from benchmarks.figures import spread
from benchmarks.machine import this_machine
from benchmarks.people import Person, people
from benchmarks.result import LoadFigures, Result, Witnesses, figures_of
from benchmarks.rounds import Load, Measured, idle_cpu_share, measure
from benchmarks.spans import Clock, spans_of_turns
from benchmarks.starts import start_times_seconds
from benchmarks.stops import stop_times_ms
from benchmarks.system import LONG, SHORT, System, practice_provider, system
from benchmarks.tables import print_result
from infra.signals import run

RUN_SECONDS = 300.0
STREAMS = 50
STOPS = 100
STOPPERS = 4
STARTS = 3
IDLE_SECONDS = 3.0
WARM_UP = (Load(1, SHORT, 16, 1, 5, 0.0), Load(STREAMS, SHORT, 16, 2, 1, 0.3))
LOADS = (Load(1, SHORT, 16, 6, 10, 0.0), Load(STREAMS, LONG, 64, 3, 2, 1.28))

console = Console(width=None)


@dataclass(frozen=True, slots=True)
class Stage:
    """Who takes part."""

    system: System
    people: list[Person]
    provider: Provider
    clock: Clock


async def _run(out: Path) -> int:
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    async with asyncio.timeout(RUN_SECONDS):
        with tempfile.TemporaryDirectory() as folder:
            result = await _measure_all(Path(folder))
    print_result(result, console)
    _keep(result, out)
    return 0


def _keep(result: Result, out: Path) -> None:
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_bytes(msgspec.json.format(msgspec.json.encode(result), indent=2) + b"\n")
    console.print(f"\nWritten to {out}", highlight=False)


async def _measure_all(folder: Path) -> Result:
    began = time.monotonic()
    _say("starting provider, broker, worker and edge")
    async with practice_provider(folder) as provider_url, provider_at(provider_url) as provider:
        async with system(folder, provider_url) as running, people(running.edge_url, STREAMS) as someone:
            stage = Stage(running, someone, provider, Clock())
            loads = await _measure_loads(stage)
            _say(f"stopping {STOPS} endless answers")
            stops = await stop_times_ms(someone[:STOPPERS], provider, STOPS)
            _say("watching what they use while idle")
            idle = await idle_cpu_share(running.programs, IDLE_SECONDS)
        _say(f"starting `samvad chat` {STARTS} times")
        starts = await start_times_seconds(folder, provider_url, STARTS)
    return Result(this_machine(), round(time.monotonic() - began, 1), loads, idle, spread(stops), starts)


async def _measure_loads(stage: Stage) -> list[LoadFigures]:
    _say("warming up")
    for load in WARM_UP:
        await _measure(stage, load)
    return [await _measure_and_explain(stage, load) for load in LOADS]


async def _measure_and_explain(stage: Stage, load: Load) -> LoadFigures:
    turns = load.streams * load.rounds * load.turns_each
    _say(f"{load.streams} at once: {turns} answers of {load.model} each way, in {load.rounds} alternating rounds")
    measured = await _measure(stage, load)
    turn_ids = [answer.turn_id for answer in measured.system.answers]
    spans = await spans_of_turns(stage.system.trace_file, turn_ids)
    return figures_of(measured, Witnesses(spans, await stage.provider.calls(), stage.clock))


async def _measure(stage: Stage, load: Load) -> Measured:
    return await measure(load, stage.people, stage.provider, stage.system.programs)


def _say(doing: str) -> None:
    console.print(f"… {doing}", style="dim", highlight=False)


def main() -> int:
    """The command. Ends with 130 on Ctrl-C."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/local-embedded.json"))
    try:
        return run(_run(parser.parse_args().out))
    except (KeyboardInterrupt, asyncio.CancelledError):
        return 130


if __name__ == "__main__":
    raise SystemExit(main())
