"""Workers that are killed and replaced. In: a folder, settings. Out: the running ones, oldest first; their logs."""

import os
import signal
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from benchmarks.processes import SAMVAD, program


@dataclass(frozen=True, slots=True)
class Member:
    """One worker; `life` ends its process."""

    pid: int
    life: AsyncExitStack


class Fleet:
    """Each worker has a log of its own in the folder."""

    def __init__(self, stack: AsyncExitStack, folder: Path, environ: dict[str, str]) -> None:
        self._stack = stack
        self._folder = folder
        self._environ = environ
        self._members: list[Member] = []
        self.logs: list[Path] = []

    async def start_one(self) -> None:
        """Returns when it takes requests. Raises DidNotStart."""
        log = self._folder / f"worker-{len(self.logs) + 1}.log"
        life = await self._stack.enter_async_context(AsyncExitStack())
        worker = await life.enter_async_context(program(SAMVAD, "worker", log=log, environ=self._environ))
        self._members.append(Member(worker.pid, life))
        self.logs.append(log)

    def signal_oldest(self, number: signal.Signals) -> Member:
        """Kills or ends it; it is none of the fleet's from now on."""
        member = self._members.pop(0)
        os.kill(member.pid, number)
        return member
