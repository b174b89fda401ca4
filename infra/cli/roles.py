"""What `samvad edge` and `samvad worker` have in common: logging, tracing, models, store, writers, the ready line.

Nothing here may need the libraries of only one role: each has an installation of its own.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

import typer

from consumers.settings import WorkerSettings
from infra.cli.refusals import refuse
from infra.models_in_use import ModelsInUse, models_in_use
from infra.parts import Broker, Common, open_writers
from infra.settings import SharedSettings, trace_target
from observability.logs import setup_logging
from observability.monitoring import monitoring
from observability.settings import AdminSettings
from observability.tracing import setup_tracing
from producers.kafka_address import KafkaAddress
from schemas.ids import new_id
from store.sqlite.opening import open_store

EMBEDDED = Annotated[bool, typer.Option("--embedded-broker", hidden=True)]


@asynccontextmanager
async def common_of(
    shared: SharedSettings, role: str, embedded_broker: bool
) -> AsyncIterator[tuple[Common, ModelsInUse]]:
    setup_logging(role, shared.log_level)
    broker = _broker(shared, embedded_broker)
    tracing = setup_tracing(f"samvad-{role}", new_id(), trace_target(shared))
    async with (
        monitoring(AdminSettings()) as monitored,
        models_in_use(shared.models, needs_keys=role == "worker") as models,
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


def say_ready(**what: str) -> None:
    print(json.dumps(what), flush=True)
