"""`samvad worker`: a worker as a process of its own."""

import typer

from consumers.settings import WorkerSettings
from consumers.worker import running_worker
from infra.cli.refusals import clear_refusals
from infra.cli.roles import EMBEDDED, common_of, say_ready
from infra.late_door import open_door
from infra.settings import SharedSettings
from infra.signals import run, stop_on_signals
from infra.worker_parts import worker_parts
from schemas.ids import new_id


def worker(embedded_broker: EMBEDDED = False) -> None:
    """Answer turns. Needs SAMVAD_KAFKA; shares SAMVAD_DATA with the edges. Only workers need provider keys."""
    with clear_refusals():
        raise typer.Exit(run(_worker(SharedSettings(), embedded_broker)))


async def _worker(shared: SharedSettings, embedded_broker: bool) -> int:
    stop = stop_on_signals()
    settings, worker_id = WorkerSettings(), new_id()
    async with common_of(shared, "worker", embedded_broker) as (common, models):
        door = await open_door(models.models, common.tracing, settings)
        async with running_worker(worker_parts(common, worker_id, door), settings) as working:
            common.monitored.is_up()
            say_ready(worker=worker_id, **common.monitored.announced)
            await working.failed_or(stop)
    return 0
