"""One process kept running: started, and started again with growing pauses when it ends by itself.

In: what to run. Out: a process that is ready, or a sentence why it never was; ended with its keeper, even with one
that is killed: the process holds the read end of a pipe from it as its standard input.
"""

import asyncio
import json
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from infra.refused import Refused
from infra.server_process import end_process

Say = Callable[[str], None]

SETTLED_SECONDS = 60.0
"""One that ran for so long before it ended begins with the first pause again."""
READY_SECONDS = 90.0


class DidNotStart(Refused):
    """A process ended, or said nothing, before it was ever ready; the text ends with the last line of its log."""


class Keeper:
    """Keeps `python -m infra.cli.main ARGUMENTS` running. Its standard error is added to `log`.

    `ready` is set while the process is ready, `said` is what it said then.
    """

    first_pause_seconds = 1.0
    longest_pause_seconds = 30.0

    def __init__(self, name: str, arguments: tuple[str, ...], environ: Mapping[str, str], log: Path, say: Say) -> None:
        self.name = name
        self._arguments = arguments
        self._environ = environ
        self._log = log
        self._say = say
        self._process: Process | None = None
        self._keeping: asyncio.Task[None] | None = None
        self._is_ending = False
        self.ready = asyncio.Event()
        self.said: dict[str, str] = {}

    @property
    def pid(self) -> int | None:
        """Of the process of now."""
        return self._process.pid if self._process else None

    def command(self) -> tuple[str, ...]:
        """What is run, but for the option that ends it with its keeper."""
        return (sys.executable, "-m", "infra.cli.main", *self._arguments)

    async def start(self) -> dict[str, str]:
        """What the process said when it was ready. From then on it is started again when it ends.

        Raises DidNotStart.
        """
        process = await self._started()
        said = await self._ready_line(process)
        if said is None or self._is_ending:
            await end_process(process, 1)
            raise DidNotStart(f"{self.name} did not start ({self._log}): {self._last_words()}")
        self._keeping = asyncio.create_task(self._keep(process), name=f"keeper-{self.name}")
        return said

    async def end(self, seconds: float) -> None:
        """SIGTERM, and `kill -9` after `seconds`; it is not started again, whoever still waits for its start."""
        self._is_ending = True
        if self._keeping is not None:
            self._keeping.cancel()
            await asyncio.gather(self._keeping, return_exceptions=True)
        if self._process is not None:
            await end_process(self._process, seconds)

    def hurry(self) -> None:
        """One more SIGTERM, for one that was told to end."""
        if self._process is not None and self._process.returncode is None:
            self._process.terminate()

    async def _keep(self, process: Process) -> None:
        pause_seconds = self.first_pause_seconds
        while True:
            began = asyncio.get_running_loop().time()
            await _read_on(process)
            code = await process.wait()
            self.ready.clear()
            if asyncio.get_running_loop().time() - began > SETTLED_SECONDS:
                pause_seconds = self.first_pause_seconds
            self._say(f"{self.name} ended ({_how(code)}), its log is {self._log}; again in {pause_seconds:g} s")
            await asyncio.sleep(pause_seconds)
            pause_seconds = min(self.longest_pause_seconds, 2 * pause_seconds)
            process = await self._started()
            if await self._ready_line(process) is not None:
                self._say(f"{self.name} is ready again (process {process.pid})")

    async def _started(self) -> Process:
        log = os.open(self._log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            self._process = await asyncio.create_subprocess_exec(
                *self.command(),
                "--until-stdin-closes",
                stdin=PIPE,
                stdout=PIPE,
                stderr=log,
                env=dict(self._environ),
                start_new_session=True,  # Ctrl-C is for the cluster, which then drains its processes in order
            )
        finally:
            os.close(log)
        return self._process

    async def _ready_line(self, process: Process) -> dict[str, str] | None:
        """None: it ended first, or took too long."""
        assert process.stdout is not None
        try:
            async with asyncio.timeout(READY_SECONDS):
                said: dict[str, str] = json.loads(await process.stdout.readline())
        except (TimeoutError, json.JSONDecodeError):
            return None
        self.said = said
        self.ready.set()
        return said

    def _last_words(self) -> str:
        lines = self._log.read_text(errors="replace").strip().splitlines()
        return lines[-1] if lines else "it said nothing"


async def _read_on(process: Process) -> None:
    """To the end of what it prints, so that it never waits for a reader."""
    assert process.stdout is not None
    with suppress(ValueError):  # a line without an end
        while await process.stdout.readline():
            pass


def _how(code: int) -> str:
    return f"killed by signal {-code}" if code < 0 else f"exit code {code}"
