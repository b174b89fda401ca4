"""What `samvad edge` and `samvad worker` have in common: logging, tracing, models, store, writers, the ready line.

Nothing here may need the libraries of only one role: each has an installation of its own.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Annotated, Any

import typer

from consumers.settings import WorkerSettings
from infra.cassandra_settings import CassandraSettings
from infra.kafka_settings import KafkaSettings
from infra.models_in_use import ModelsInUse, models_in_use
from infra.parts import Broker, Common, open_writers
from infra.refused import Refused
from infra.settings import SharedSettings, trace_target
from infra.signals import run
from infra.starting import StoppedBeforeReady
from infra.stores import opened_store
from infra.topics.presence import topics_present
from observability.logs import setup_logging
from observability.monitoring import monitoring
from observability.settings import AdminSettings
from observability.tracing import setup_tracing
from schemas.ids import new_id

EMBEDDED = Annotated[bool, typer.Option("--embedded-broker", hidden=True)]
UNTIL_STDIN_CLOSES = Annotated[bool, typer.Option("--until-stdin-closes", hidden=True)]
"""For whoever starts the role as a child that must not outlive it."""
EMBEDDED_FETCH_WAIT_MS = 10


@asynccontextmanager
async def common_of(
    shared: SharedSettings, role: str, embedded_broker: bool
) -> AsyncIterator[tuple[Common, ModelsInUse]]:
    """What a role is built from. Waits while Kafka or the store is away, unready.

    `embedded_broker`: the address is a librdkafka mock's, which makes topics when they are first used. Raises
    Refused, StoreError or what the models raise, each with a sentence that says what to do.
    """
    setup_logging(role, shared.log_level)
    broker = _broker(embedded_broker)
    async with AsyncExitStack() as stack:
        instance_id = new_id()
        tracing = setup_tracing(f"samvad-{role}", instance_id, trace_target(shared))
        stack.push_async_callback(asyncio.to_thread, tracing.shut_down)
        monitored = await stack.enter_async_context(monitoring(AdminSettings()))
        models = await stack.enter_async_context(models_in_use(shared.models, role))
        if not embedded_broker:
            await topics_present(broker.kafka)
        store = await stack.enter_async_context(opened_store(shared.data, CassandraSettings()))
        writers = await stack.enter_async_context(open_writers(broker, role, WorkerSettings().linger_ms))
        yield Common(instance_id, broker, store, writers, tracing, monitored), models


def _broker(is_embedded: bool) -> Broker:
    address = KafkaSettings().address()
    if address is None:
        raise Refused("name the Kafka brokers: SAMVAD_KAFKA=127.0.0.1:9092 (or run everything here: samvad chat)")
    return Broker(address, EMBEDDED_FETCH_WAIT_MS, rebuild_seconds=None) if is_embedded else Broker(address)


def run_role(role: Coroutine[Any, Any, int]) -> int:
    """The exit code of a role; 0 too when it was told to stop while it still waited for its servers."""
    try:
        return run(role)
    except StoppedBeforeReady:
        return 0


def say_ready(**what: str) -> None:
    print(json.dumps(what), flush=True)
