"""`samvad edge`: an edge as a process of its own."""

import typer

from infra.cli.refusals import clear_refusals
from infra.cli.roles import EMBEDDED, common_of, say_ready
from infra.edge_parts import edge_parts
from infra.settings import SharedSettings
from infra.sign_in_secret import sign_in_secret
from infra.signals import run, stop_on_signals
from producers.request_producer import RequestProducer
from ws_edge.edge import edge as running_edge
from ws_edge.settings import EdgeSettings


def edge(embedded_broker: EMBEDDED = False) -> None:
    """Serve websockets and REST. Needs SAMVAD_KAFKA; shares SAMVAD_DATA with its workers."""
    with clear_refusals():
        raise typer.Exit(run(_edge(SharedSettings(), embedded_broker)))


async def _edge(shared: SharedSettings, embedded_broker: bool) -> int:
    stop = stop_on_signals()
    async with common_of(shared, "edge", embedded_broker) as (common, models):
        requests = RequestProducer(common.writers.records)
        parts = edge_parts(common, models.models, requests, sign_in_secret(shared.data))
        async with running_edge(EdgeSettings(), parts) as serving:
            await serving.ready.wait()
            common.monitored.is_up()
            say_ready(edge=serving.address, **common.monitored.announced)
            await stop.wait()
    return 0
