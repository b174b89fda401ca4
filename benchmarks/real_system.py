"""Edges and workers as processes of their own, on real Kafka and Cassandra."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.native_stack import NativeStack
from benchmarks.processes import SAMVAD
from benchmarks.system import Roles, System


@dataclass(frozen=True, slots=True)
class Size:
    """How many processes of each role."""

    edges: int = 1
    workers: int = 1
    brokers: int = 1
    nodes: int = 1

    @property
    def processes(self) -> dict[str, int]:
        """By role, as results show it."""
        return {"broker": self.brokers, "store": self.nodes, "edge": self.edges, "worker": self.workers}


@asynccontextmanager
async def real_system(folder: Path, environ: dict[str, str], servers: NativeStack, size: Size) -> AsyncIterator[System]:
    """Ready, with the settings given."""
    async with AsyncExitStack() as stack:
        roles = Roles(stack, folder, {**environ, **servers.environ})
        for _ in range(size.workers):
            await roles.start("worker", SAMVAD, "worker")
        edges = [await roles.start("edge", SAMVAD, "edge") for _ in range(size.edges)]
        yield System([edge.said["edge"] for edge in edges], {**servers.pids, **roles.pids}, roles.trace_files)
