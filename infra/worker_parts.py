"""A worker's parts, put together. Apart from the edge's: neither role's libraries are in the other's image."""

from consumers.dispatching import Settle
from consumers.worker import ModelDoor, WorkerParts
from infra.parts import Common
from observability.worker_metrics import WorkerMetrics


def worker_parts(common: Common, door: ModelDoor, metrics: WorkerMetrics, settle: Settle | None = None) -> WorkerParts:
    """A worker's parts."""
    return WorkerParts(
        worker_id=common.instance_id,
        kafka=common.broker.kafka,
        fetch_wait_ms=common.broker.fetch_wait_ms,
        store=common.store,
        frames=common.writers.frames,
        records=common.writers.records,
        door=door,
        tracing=common.tracing,
        settle=settle,
        metrics=metrics,
        health=common.monitored.health,
    )
