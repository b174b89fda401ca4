"""The embedded mode's composition root: broker, store, worker, edge and model in one process (DESIGN 8)."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager

import structlog

from consumers.settings import WorkerSettings
from consumers.worker import Worker, running_worker
from infra.edge_parts import edge_parts, refuse_bad_sign_in
from infra.embedded_broker import embedded_broker
from infra.late_door import LateDoor, import_litellm, open_door
from infra.models_in_use import ModelsInUse, models_in_use
from infra.parts import Broker, Common, open_writers
from infra.settings import SharedSettings, trace_target
from infra.sign_in_secret import sign_in_secret
from infra.signals import Told, told_to_stop
from infra.worker_parts import worker_parts
from observability.logs import setup_logging
from observability.monitoring import monitoring
from observability.settings import AdminSettings
from observability.tracing import setup_tracing
from observability.worker_metrics import WorkerMetrics
from producers.journalled_requests import JournalledRequests
from producers.kafka_address import KafkaAddress
from producers.request_producer import RequestProducer
from schemas.ids import new_id
from schemas.topics import CONTROL
from store.sqlite.folder_lock import embedded_lock
from store.sqlite.opening import SqliteStore, open_store
from ws_edge.edge import edge
from ws_edge.server import listening_socket
from ws_edge.settings import EdgeSettings

log = structlog.get_logger(__name__)

EMBEDDED_FETCH_WAIT_MS = 10
EMBEDDED_DRAIN_SECONDS = 1.0
"""Ctrl-C ends everything within 5 s; what still runs is given back and goes on at the next start."""

Announce = Callable[[str, str], None]
"""Says that everything is ready: the edge's address and the default model's title."""


async def serve_embedded(shared: SharedSettings, announce: Announce, until_stdin_closes: bool = False) -> int:
    """Serves until a signal (or the end of standard input). Raises what `clear_refusals` knows."""
    setup_logging("embedded", shared.log_level)
    async with told_to_stop(until_stdin_closes) as told:
        with embedded_lock(shared.data), embedded_broker({CONTROL.name: 1}) as bootstrap_servers:
            broker = Broker(KafkaAddress(bootstrap_servers), EMBEDDED_FETCH_WAIT_MS, rebuild_seconds=None)
            async with _running(shared, broker, told) as (address, models, worker):
                announce(address, models.title)
                await worker.failed_or(told.stop)
    return 0


@asynccontextmanager
async def _running(
    shared: SharedSettings, broker: Broker, told: Told
) -> AsyncIterator[tuple[str, ModelsInUse, Worker]]:
    """Everything, ready. What takes long (LiteLLM's import, the model) happens beside the rest."""
    edge_settings, worker_settings = _settings()
    told.drain_seconds = edge_settings.drain_seconds + worker_settings.drain_seconds
    importing, door = asyncio.create_task(import_litellm()), LateDoor()
    async with AsyncExitStack() as stack:
        models = await stack.enter_async_context(models_in_use(shared.models))
        store = await stack.enter_async_context(open_store(shared.data / "samvad.db"))
        await _tidy_up(store)
        common = await stack.enter_async_context(_common(shared, broker, store, worker_settings.linger_ms))
        requests = JournalledRequests(RequestProducer(common.writers.records), store.journal)
        metrics = WorkerMetrics(common.monitored.registry)
        parts_of_worker = worker_parts(common, door, metrics, requests.settle)
        worker = await stack.enter_async_context(running_worker(parts_of_worker, worker_settings, told.hurry))
        parts = edge_parts(common, models.models, requests, sign_in_secret(shared))
        await importing
        door.open(await open_door(models.models, worker_settings, metrics))
        log.info("unsettled_turns_asked_again", count=await requests.ask_again())
        serving = await stack.enter_async_context(edge(edge_settings, parts, told.hurry))
        await serving.ready.wait()
        common.monitored.is_up()
        yield serving.address, models, worker


def _settings() -> tuple[EdgeSettings, WorkerSettings]:
    """Both roles', with a short drain unless the environment says otherwise. Raises what a taken port does."""
    edge_settings, worker_settings = EdgeSettings(), WorkerSettings()
    refuse_bad_sign_in()
    if "SAMVAD_DRAIN_SECONDS" not in os.environ:
        quickly = {"drain_seconds": EMBEDDED_DRAIN_SECONDS}
        edge_settings = edge_settings.model_copy(update=quickly)
        worker_settings = worker_settings.model_copy(update=quickly)
    with listening_socket(edge_settings):
        pass  # a taken port is told now, not after all the rest
    return edge_settings, worker_settings


@asynccontextmanager
async def _common(shared: SharedSettings, broker: Broker, store: SqliteStore, linger_ms: int) -> AsyncIterator[Common]:
    """What the edge and the worker are both built from."""
    instance_id = new_id()
    tracing = setup_tracing("samvad", instance_id, trace_target(shared))
    try:
        async with monitoring(AdminSettings()) as monitored, open_writers(broker, "embedded", linger_ms) as writers:
            yield Common(instance_id, broker, store, writers, tracing, monitored)
    finally:
        tracing.shut_down()


async def _tidy_up(store: SqliteStore) -> None:
    """Under the folder's lock nobody else runs: claims of an earlier process are released."""
    await store.journal.release_all_claims()
