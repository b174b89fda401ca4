"""`samvad edge`: an edge as a process of its own."""

from contextlib import AsyncExitStack

import typer

from infra.cli.refusals import clear_refusals
from infra.cli.roles import EMBEDDED, UNTIL_STDIN_CLOSES, common_of, run_role, say_ready
from infra.edge_parts import edge_parts, refuse_bad_sign_in
from infra.settings import SharedSettings
from infra.short_collections import short_collections
from infra.sign_in_secret import sign_in_secret
from infra.signals import told_to_stop
from infra.starting import unless_stopped
from producers.request_producer import RequestProducer
from ws_edge.edge import edge as running_edge
from ws_edge.settings import EdgeSettings


def edge(embedded_broker: EMBEDDED = False, until_stdin_closes: UNTIL_STDIN_CLOSES = False) -> None:
    """Serve websockets and REST. Needs SAMVAD_KAFKA; history is in SAMVAD_CASSANDRA, else in SAMVAD_DATA."""
    with clear_refusals():
        with short_collections():
            code = run_role(_edge(SharedSettings(), embedded_broker, until_stdin_closes))
        raise typer.Exit(code)


async def _edge(shared: SharedSettings, embedded_broker: bool, until_stdin_closes: bool) -> int:
    secret, settings = sign_in_secret(shared), EdgeSettings()
    refuse_bad_sign_in()
    async with AsyncExitStack() as stack:
        told = await stack.enter_async_context(told_to_stop(until_stdin_closes))
        told.drain_seconds = settings.drain_seconds
        async with unless_stopped(told.stop):
            common, models = await stack.enter_async_context(common_of(shared, "edge", embedded_broker))
            parts = edge_parts(common, models.models, RequestProducer(common.writers.records), secret)
            serving = await stack.enter_async_context(running_edge(settings, parts, told.hurry))
            await serving.ready.wait()
        common.monitored.is_up()
        say_ready(edge=serving.address, **common.monitored.announced)
        await told.stop.wait()
    return 0
