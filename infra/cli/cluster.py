"""`samvad cluster`: real servers, edges and workers on this machine in one command, until Ctrl-C."""

import json
import os
import sys
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from infra.cli.progress import telling
from infra.cli.refusals import clear_refusals
from infra.cluster.plan import ClusterOptions
from infra.cluster.running import RunningCluster, running_cluster
from infra.signals import run, told_by_signals
from infra.starting import StoppedBeforeReady
from observability.settings import AdminSettings
from ws_edge.settings import EdgeSettings

ADMIN_PORT = 9100


def cluster(
    edges: Annotated[int, typer.Option(min=1, help="websocket edges")] = 2,
    workers: Annotated[int, typer.Option(min=1, help="workers")] = 2,
    port: Annotated[int | None, typer.Option(help="the first edge's; default SAMVAD_PORT, 8000")] = None,
    folder: Annotated[Path, typer.Option(help="logs, models and sign-in secret")] = Path(".samvad/cluster"),
    stack: Annotated[Path, typer.Option(envvar="SAMVAD_STACK", help="the servers' folder")] = Path(".samvad/stack"),
    keep_stack: Annotated[bool, typer.Option("--keep-stack", help="leave the servers running at the end")] = False,
) -> None:
    """Run everything as in production. Answers come from your models, or without any from the practice provider."""
    with clear_refusals():
        first_port, first_admin_port = _first_ports(port)
        options = ClusterOptions(folder.absolute(), stack, edges, workers, first_port, first_admin_port, keep_stack)
        raise typer.Exit(_run(options))


def _first_ports(port: int | None) -> tuple[int, int]:
    """The first edge's, and the first admin page's."""
    admin_port = AdminSettings().admin_port
    return EdgeSettings().port if port is None else port, ADMIN_PORT if admin_port is None else admin_port


def _run(options: ClusterOptions) -> int:
    try:
        return run(_serve(options))
    except StoppedBeforeReady:
        return 0


async def _serve(options: ClusterOptions) -> int:
    told = told_by_signals()
    async with AsyncExitStack() as stack:
        with telling("starting") as say:
            cluster = await stack.enter_async_context(running_cluster(options, told, say))
        _announce(cluster)
        await told.stop.wait()
    return 0


def _announce(cluster: RunningCluster) -> None:
    """For a person a page, for a program one JSON line."""
    if not sys.stdout.isatty():
        said = {"edges": ",".join(cluster.edges), "model": cluster.models.title, **cluster.admin}
        print(json.dumps(said), flush=True)
        return
    console = Console(highlight=False)
    for name, value in _facts(cluster):
        console.print(f"  [bold]{name:8}[/bold] {value}", soft_wrap=True)


def _facts(cluster: RunningCluster) -> list[tuple[str, str]]:
    jaeger = cluster.servers.jaeger_query
    traces = f"{jaeger}/api/traces?service=samvad-edge" if jaeger else ""
    facts = [
        ("edges", "  ".join(cluster.edges)),
        ("talk", f"samvad talk --edge {cluster.edges[-1]}    (any edge has every conversation)"),
        ("model", f"{cluster.models.title}, from {cluster.models.source}"),
        ("traces", traces),
        ("metrics", "  ".join(f"{address}/metrics" for address in cluster.admin.values())),
        ("servers", f"Kafka {cluster.servers.kafka}  Cassandra {cluster.servers.cassandra}"),
        ("logs", os.path.relpath(cluster.options.folder)),
        ("end", "Ctrl-C drains everything and ends it" + (", but the servers" if cluster.options.keep_stack else "")),
    ]
    return [(name, value) for name, value in facts if value]
