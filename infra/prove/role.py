"""An edge or a worker under proof: started again at once whenever it ends, as a supervisor would, and harmed at will.

In: a command and its environment. Out: a process that can be killed, frozen, and whose wall clock can be moved.
"""

import asyncio
import os
import signal
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from infra.cluster.keeping import Keeper, Say

STEPPING = ("-m", "infra.prove.stepped_clock")
"""Runs a module with a wall clock that signals move (stepped_clock.py)."""


class Role(Keeper):
    """`said` holds a worker's id as `worker`, an edge's address as `edge`."""

    first_pause_seconds = 0.5
    longest_pause_seconds = 2.0

    def __init__(self, name: str, command: tuple[str, ...], environ: Mapping[str, str], log: Path, say: Say) -> None:
        super().__init__(name, command, environ, log, say)
        self.is_frozen = False

    def command(self) -> tuple[str, ...]:
        """Python's `-m MODULE ...` goes through the clock; any other program runs as it is."""
        program, *rest = self._arguments
        if rest[:1] != ["-m"]:
            return self._arguments
        return (program, *STEPPING, *rest[1:])

    @property
    def worker_id(self) -> str:
        """Empty while it is not ready."""
        return self.said.get("worker", "") if self.ready.is_set() else ""

    def send(self, number: signal.Signals) -> None:
        """Nothing when it has just ended."""
        if self._process is not None and self._process.returncode is None:
            with suppress(ProcessLookupError):
                os.kill(self._process.pid, number)

    def kill(self) -> None:
        """`kill -9`. It is started again."""
        self.ready.clear()
        self.send(signal.SIGKILL)

    def freeze(self) -> None:
        """SIGSTOP: its connections stay open and it does nothing."""
        self.is_frozen = True
        self.send(signal.SIGSTOP)

    def thaw(self) -> None:
        """SIGCONT."""
        self.is_frozen = False
        self.send(signal.SIGCONT)

    async def end(self, seconds: float) -> None:
        """SIGTERM, and `kill -9` after `seconds`; a frozen one would hear neither."""
        self.thaw()
        await super().end(seconds)

    async def until_ready(self, seconds: float) -> bool:
        """Whether it was within the time."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.ready.wait()
        return self.ready.is_set()
