"""The embedded mode's parts as processes of their own: its broker, one edge and one worker on one SQLite file."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from benchmarks.processes import SAMVAD, program
from benchmarks.system import Roles, System


@asynccontextmanager
async def embedded_system(folder: Path, environ: Mapping[str, str]) -> AsyncIterator[System]:
    """Ready, with the settings given."""
    async with AsyncExitStack() as stack:
        broker = await stack.enter_async_context(
            program("benchmarks.broker", log=folder / "broker.log", environ=dict(environ))
        )
        roles = Roles(stack, folder, {**environ, "SAMVAD_KAFKA": broker.said["kafka"]})
        roles.pids["broker"].append(broker.pid)
        await roles.start("worker", SAMVAD, "worker", "--embedded-broker")
        edge = await roles.start("edge", SAMVAD, "edge", "--embedded-broker")
        yield System([edge.said["edge"]], roles.pids, roles.trace_files)
