"""`samvad worker`: a worker as a process of its own."""

from contextlib import AsyncExitStack

import typer

from consumers.settings import WorkerSettings
from consumers.worker import running_worker
from infra.cli.refusals import clear_refusals
from infra.cli.roles import EMBEDDED, UNTIL_STDIN_CLOSES, common_of, run_role, say_ready
from infra.late_door import LateDoor, open_door
from infra.settings import SharedSettings
from infra.signals import told_to_stop
from infra.starting import unless_stopped
from infra.worker_parts import worker_parts
from observability.worker_metrics import WorkerMetrics


def worker(embedded_broker: EMBEDDED = False, until_stdin_closes: UNTIL_STDIN_CLOSES = False) -> None:
    """Answer turns. Needs SAMVAD_KAFKA and the edges' store. Only workers need provider keys."""
    with clear_refusals():
        raise typer.Exit(run_role(_worker(SharedSettings(), embedded_broker, until_stdin_closes)))


async def _worker(shared: SharedSettings, embedded_broker: bool, until_stdin_closes: bool) -> int:
    settings = WorkerSettings()
    async with AsyncExitStack() as stack:
        told = await stack.enter_async_context(told_to_stop(until_stdin_closes))
        told.drain_seconds = settings.drain_seconds
        async with unless_stopped(told.stop):
            common, models = await stack.enter_async_context(common_of(shared, "worker", embedded_broker))
            metrics = WorkerMetrics(common.monitored.registry)
            door = LateDoor()

            async def opening() -> None:
                door.open(await open_door(models.models, settings, metrics))

            parts = worker_parts(common, door, metrics)
            working = await stack.enter_async_context(running_worker(parts, settings, told.hurry, opening))
        common.monitored.is_up()
        say_ready(worker=common.instance_id, **common.monitored.announced)
        await working.failed_or(told.stop)
    return 0
