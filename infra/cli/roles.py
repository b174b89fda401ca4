"""`samvad edge` and `samvad worker`: the two roles as processes of their own, on one Kafka and one data folder."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

import typer

from consumers.settings import WorkerSettings
from consumers.worker import running_worker
from infra.cli.refusals import clear_refusals, refuse
from infra.late_door import open_door
from infra.models_in_use import ModelsInUse, models_in_use
from infra.parts import Broker, Common, edge_parts, open_writers, sign_in_secret, worker_parts
from infra.settings import SharedSettings, trace_target
from infra.signals import run, stop_on_signals
from observability.logs import setup_logging
from observability.monitoring import monitoring
from observability.settings import AdminSettings
from observability.tracing import setup_tracing
from producers.kafka_address import KafkaAddress
from producers.request_producer import RequestProducer
from schemas.ids import new_id
from store.sqlite.opening import open_store
from ws_edge.edge import edge as running_edge
from ws_edge.settings import EdgeSettings

EMBEDDED = Annotated[bool, typer.Option("--embedded-broker", hidden=True)]


def edge(embedded_broker: EMBEDDED = False) -> None:
    """Serve websockets and REST. Needs SAMVAD_KAFKA; shares SAMVAD_DATA with its workers."""
    with clear_refusals():
        raise typer.Exit(run(_edge(SharedSettings(), embedded_broker)))


def worker(embedded_broker: EMBEDDED = False) -> None:
    """Answer turns. Needs SAMVAD_KAFKA; shares SAMVAD_DATA with the edges. Only workers need provider keys."""
    with clear_refusals():
        raise typer.Exit(run(_worker(SharedSettings(), embedded_broker)))


async def _edge(shared: SharedSettings, embedded_broker: bool) -> int:
    stop = stop_on_signals()
    async with _common(shared, "edge", embedded_broker) as (common, models):
        requests = RequestProducer(common.writers.records)
        parts = edge_parts(common, models.models, requests, sign_in_secret(shared.data))
        async with running_edge(EdgeSettings(), parts) as serving:
            await serving.ready.wait()
            common.monitored.is_up()
            _say_ready(edge=serving.address, **common.monitored.announced)
            await stop.wait()
    return 0


async def _worker(shared: SharedSettings, embedded_broker: bool) -> int:
    stop = stop_on_signals()
    settings, worker_id = WorkerSettings(), new_id()
    async with _common(shared, "worker", embedded_broker) as (common, models):
        door = await open_door(models.models, common.tracing, settings)
        async with running_worker(worker_parts(common, worker_id, door), settings) as working:
            common.monitored.is_up()
            _say_ready(worker=worker_id, **common.monitored.announced)
            await working.failed_or(stop)
    return 0


@asynccontextmanager
async def _common(
    shared: SharedSettings, role: str, embedded_broker: bool
) -> AsyncIterator[tuple[Common, ModelsInUse]]:
    setup_logging(role, shared.log_level)
    broker = _broker(shared, embedded_broker)
    tracing = setup_tracing(f"samvad-{role}", new_id(), trace_target(shared))
    async with (
        monitoring(AdminSettings()) as monitored,
        models_in_use(shared.models) as models,
        open_store(shared.data / "samvad.db") as store,
        open_writers(broker, role, WorkerSettings().linger_ms) as writers,
    ):
        yield Common(broker, store, writers, tracing, monitored), models
    await asyncio.to_thread(tracing.shut_down)


def _broker(shared: SharedSettings, is_embedded: bool) -> Broker:
    if shared.kafka is None:
        refuse("name the Kafka brokers: SAMVAD_KAFKA=127.0.0.1:9092 (or run everything here: samvad chat)")
        raise AssertionError
    address = KafkaAddress(shared.kafka)
    return Broker(address, 10, None) if is_embedded else Broker(address)


def _say_ready(**what: str) -> None:
    print(json.dumps(what), flush=True)
