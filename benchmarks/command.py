"""What both benchmarks' commands share: they say what they do, keep the result, and end on Ctrl-C or SIGTERM."""

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import FrameType
from typing import TypeVar

import msgspec
from rich.console import Console

from benchmarks.processes import DidNotStart
from benchmarks.result import LoadAverage, Result
from benchmarks.stages import STAGES
from infra.signals import run

R = TypeVar("R")

FAILED = 1
INTERRUPTED = 130

WIDTH = 400
"""Where nobody looks, so that every table row is one line of the file or log."""

console = Console(width=None if sys.stdout.isatty() else WIDTH)


def say(doing: str) -> None:
    """One line on the screen, at the beginning of something that takes a while."""
    console.print(f"… {doing}", style="dim", highlight=False)


def run_and_keep(measuring: Callable[[], Awaitable[R]], seconds: float, out: Path, show: Callable[[R], None]) -> int:
    """Shows the result and writes it to `out`. The exit code: 130 after Ctrl-C, 1 if it failed."""
    try:
        return run(_run_and_keep(measuring, seconds, out, show))
    except (KeyboardInterrupt, asyncio.CancelledError):
        return INTERRUPTED
    except DidNotStart as error:
        return failed(str(error))
    except TimeoutError:
        return failed(f"the run did not end within {seconds:.0f} s: is the machine busy with something else?")


def interrupt(_number: int, _frame: FrameType | None) -> None:
    """A signal's handler: as Ctrl-C."""
    raise KeyboardInterrupt


def failed(why: str) -> int:
    """Says why there is no result. The exit code."""
    sys.stderr.write(f"{why}\n")
    return FAILED


def load_average() -> LoadAverage:
    """The machine's over 1, 5 and 15 minutes: what else it was doing. Zeros where the system does not count."""
    try:
        one, five, fifteen = os.getloadavg()
    except OSError:
        return 0.0, 0.0, 0.0
    return round(one, 2), round(five, 2), round(fifteen, 2)


def kept(file: Path) -> Result | None:
    """A result that was written before; None if there is none, or another version's."""
    try:
        result = msgspec.json.decode(file.read_bytes(), type=Result)
    except (FileNotFoundError, msgspec.DecodeError):
        return None
    return result if all(tuple(load.stages_ms) == STAGES for load in result.loads) else None


async def _run_and_keep(
    measuring: Callable[[], Awaitable[R]], seconds: float, out: Path, show: Callable[[R], None]
) -> int:
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    async with asyncio.timeout(seconds):
        result = await measuring()
    show(result)
    _keep(result, out)
    return 0


def _keep(result: object, out: Path) -> None:
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_bytes(msgspec.json.format(msgspec.json.encode(result), indent=2) + b"\n")
    console.print(f"\nWritten to {out}", highlight=False)
