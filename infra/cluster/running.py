"""A cluster from its first server to its last: servers, models, workers, edges; then a signal, and back again.

In: options, and where to say what happens. Out: an exit code; no process is left.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from consumers.settings import WorkerSettings
from infra.cluster.keeping import Keeper, Say
from infra.cluster.models import ClusterModels, named_models, practice_models
from infra.cluster.plan import EDGE, ClusterOptions, ProcessPlan, process_plans
from infra.cluster.ports import refuse_taken_ports
from infra.cluster.servers import running_servers
from infra.settings import SharedSettings
from infra.signals import CLOSE_SECONDS, Told
from infra.stack import StackAddresses
from infra.starting import unless_stopped
from ws_edge.settings import EdgeSettings

SLACK_SECONDS = CLOSE_SECONDS + 1.0
"""Beyond its drain, for a process to flush and leave."""


@dataclass(frozen=True, slots=True)
class RunningCluster:
    """What is there to be used."""

    options: ClusterOptions
    edges: tuple[str, ...]
    admin: Mapping[str, str]
    models: ClusterModels
    servers: StackAddresses


@asynccontextmanager
async def running_cluster(options: ClusterOptions, told: Told, say: Say) -> AsyncIterator[RunningCluster]:
    """Everything, ready. Leaving the block drains edges and workers, who hurry if they must, then ends the servers that
    were started here.

    Raises Refused, or StoppedBeforeReady when it is told to stop before all is ready.
    """
    refuse_taken_ports(options)
    options.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    async with AsyncExitStack() as stack:
        async with unless_stopped(told.stop):
            servers = await stack.enter_async_context(running_servers(options.stack_folder, options.keep_stack, say))
            models = await _models(stack, options.folder, say)
            say(f"{models.title} answers ({models.source})")
            environ = {**os.environ, **servers.environ()}
            plans = process_plans(options, environ, models.file, models.key_variables)
            said = await _start_all(stack, plans, options.folder, told, say)
        yield RunningCluster(
            options=options,
            edges=tuple(said[plan.name]["edge"] for plan in plans if plan.role == EDGE),
            admin={name: each["admin"] for name, each in said.items()},
            models=models,
            servers=servers,
        )
        say("draining: running answers end or are given back ...")


async def _models(stack: AsyncExitStack, folder: Path, say: Say) -> ClusterModels:
    if models := await named_models(folder, SharedSettings().models, os.environ):
        return models
    command, log = ("practice-provider", "--port", "0"), _log(folder, "practice-provider")
    provider = Keeper(command[0], command, os.environ, log, say)
    stack.push_async_callback(provider.end, SLACK_SECONDS)
    return practice_models(folder, (await provider.start())["base_url"])


async def _start_all(
    stack: AsyncExitStack, plans: list[ProcessPlan], folder: Path, told: Told, say: Say
) -> dict[str, dict[str, str]]:
    """What each process said when it was ready. They start at once, and are drained at once."""
    keepers = {plan.name: Keeper(plan.name, (plan.role,), plan.environ, _log(folder, plan.name), say) for plan in plans}
    stack.push_async_callback(_end_all, list(keepers.values()), told.hurry)
    return await _all_started(keepers, say)


async def _all_started(keepers: dict[str, Keeper], say: Say) -> dict[str, dict[str, str]]:
    """The first that does not start breaks the others off: none of them is waited for, or kept, any more."""
    try:
        async with asyncio.TaskGroup() as group:
            starting = {name: group.create_task(_started(keeper, say)) for name, keeper in keepers.items()}
    except BaseExceptionGroup as several:
        raise several.exceptions[0] from several
    return {name: task.result() for name, task in starting.items()}


async def _started(keeper: Keeper, say: Say) -> dict[str, str]:
    said = await keeper.start()
    say(f"{keeper.name} is ready: {said.get('edge') or said['admin']}")
    return said


async def _end_all(keepers: list[Keeper], hurry: asyncio.Event) -> None:
    longest = max(EdgeSettings().drain_seconds, WorkerSettings().drain_seconds) + SLACK_SECONDS
    hurrying = asyncio.create_task(_hurry_all(keepers, hurry))
    await asyncio.gather(*(keeper.end(longest) for keeper in keepers))
    hurrying.cancel()


async def _hurry_all(keepers: list[Keeper], hurry: asyncio.Event) -> None:
    await hurry.wait()
    for keeper in keepers:
        keeper.hurry()


def _log(folder: Path, name: str) -> Path:
    return folder / f"{name}.log"
