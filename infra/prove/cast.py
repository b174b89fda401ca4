"""The processes of a proof: the practice provider, edges and workers, each a real process that is started again.

In: options, the servers' addresses. Out: roles to be harmed, found by the worker id that a turn's row names.
"""

import asyncio
import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from infra.cluster.keeping import DidNotStart, Keeper, Say
from infra.model_discovery.providers import may_hold_key
from infra.prove.options import ProofOptions
from infra.prove.practice_models import write_models
from infra.prove.role import Role
from infra.stack.options import free_ports

SETTINGS = {
    "SAMVAD_DRAIN_SECONDS": "8",
    "SAMVAD_GAP_SECONDS": "8",
    "SAMVAD_FIRST_TOKEN_SECONDS": "20",
    "SAMVAD_TURN_SECONDS": "90",
}
"""Shorter than by default, so that stalls, endless answers and drains end within a run. Whatever bounds the recovery
from a killed worker is left alone; the environment of `samvad prove` overrides all."""
OTHERS = ("SAMVAD_KAFKA", "SAMVAD_CASSANDRA", "SAMVAD_MODEL", "SAMVAD_PORT", "SAMVAD_STACK", "OTEL_")
"""What would lead to another system than the proof's own."""
END_SECONDS = 20.0
STARTS = 5
"""A supervisor begins again with what ended before it was ready, as while a server is away."""


@dataclass
class Cast:
    """`workers[0]` reaches its broker through the proxy (the environment `of_first_worker`)."""

    options: ProofOptions
    environ: Mapping[str, str]
    of_first_worker: Mapping[str, str]
    say: Say
    workers: list[Role] = field(default_factory=list)
    edges: list[Role] = field(default_factory=list)
    provider: Keeper | None = None
    provider_url: str = ""
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))

    async def start(self) -> None:
        """Everything, ready. Raises DidNotStart."""
        folder = self.options.folder
        self.provider = Keeper(
            "practice-provider", ("practice-provider", "--port", "0"), os.environ, self._log("provider"), self.say
        )
        self.provider_url = (await self.provider.start())["base_url"]
        models = write_models(folder, self.provider_url)
        self.environ = {**self.environ, "SAMVAD_MODELS": str(models), "SAMVAD_DATA": str(folder)}
        await asyncio.gather(self.add_workers(self.options.workers), self._start_edges())

    async def add_workers(self, number: int) -> list[Role]:
        """More of them, ready."""
        added = [self._new_worker() for _ in range(number)]
        self.workers += added
        await asyncio.gather(*(_start(role) for role in added))
        return added

    async def take_away(self, role: Role) -> None:
        """SIGTERM, and it is not started again."""
        self.workers.remove(role)
        await role.end(END_SECONDS)

    def ready_workers(self) -> list[Role]:
        return [role for role in self.workers if role.ready.is_set() and not role.is_frozen]

    def worker(self, worker_id: str | None) -> Role | None:
        """The one that runs now under this id."""
        return next((role for role in self.workers if worker_id and role.worker_id == worker_id), None)

    async def heal(self, seconds: float) -> bool:
        """Nothing is frozen any more; whether everything is ready within the time."""
        for role in (*self.workers, *self.edges):
            role.thaw()
        return all(await asyncio.gather(*(role.until_ready(seconds) for role in (*self.workers, *self.edges))))

    async def end(self) -> None:
        """All of them, whatever state they are in."""
        everyone = [*self.workers, *self.edges, *([self.provider] if self.provider else [])]
        await asyncio.gather(*(one.end(END_SECONDS) for one in everyone))

    async def _start_edges(self) -> None:
        ports = free_ports()
        for number in range(1, self.options.edges + 1):
            environ = {**self.environ, "SAMVAD_PORT": str(next(ports))}
            name = f"edge-{number}"
            self.edges.append(Role(name, self.options.edge_command, environ, self._log(name), self.say))
        await asyncio.gather(*(role.start() for role in self.edges))

    def _new_worker(self) -> Role:
        number = next(self._numbers)
        name, environ = f"worker-{number}", dict(self.environ)
        if number == 1:
            environ |= self.of_first_worker
        return Role(name, self.options.worker_command, environ, self._log(name), self.say)

    def _log(self, name: str) -> Path:
        return self.options.folder / f"{name}.log"


async def _start(role: Role) -> None:
    """Raises DidNotStart."""
    for _ in range(STARTS - 1):
        with suppress(DidNotStart):
            await role.start()
            return
    await role.start()


def environ_of_roles(servers: Mapping[str, str]) -> dict[str, str]:
    """This process's environment, the proof's shorter times, and the way to its servers; no provider's key."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith(OTHERS) and not may_hold_key(name)}
    return {**SETTINGS, **ours, **servers}
