"""`samvad stack`: the real servers natively on this machine, up, down, their state and their logs."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from infra.cli.refusals import refuse
from infra.stack import Ports, StackError, StackOptions
from infra.stack import down as stack_down
from infra.stack import status as stack_status
from infra.stack import up as stack_up
from infra.stack.layout import Layout, remembered
from infra.stack.programs import Say

FOLDER = Annotated[
    Path, typer.Option(envvar="SAMVAD_STACK", help="where the servers' data, logs and configuration are")
]
DEFAULT_FOLDER = Path(".samvad/stack")

app = typer.Typer(help="Kafka, Cassandra and Jaeger natively on this machine.", no_args_is_help=True)


@app.command()
def up(
    folder: FOLDER = DEFAULT_FOLDER,
    brokers: Annotated[int | None, typer.Option(help="1 or 3")] = None,
    cassandra_nodes: Annotated[int | None, typer.Option(help="1 or 3")] = None,
    jaeger: Annotated[bool, typer.Option(help="traces")] = True,
    free_ports: Annotated[bool, typer.Option(help="choose ports where nobody listens")] = False,
    port_offset: Annotated[int, typer.Option(help="add this to every port")] = 0,
) -> None:
    """Start the servers that do not run yet, and wait until all are ready."""
    with _refusals():
        ports = Ports.free() if free_ports else Ports().moved(port_offset)
        before = remembered(folder.absolute())
        if before and brokers is None and cassandra_nodes is None and not free_ports and not port_offset:
            options = before
        else:
            options = StackOptions(folder, brokers or 1, cassandra_nodes or 1, jaeger, ports=ports)
        with _telling() as say:
            addresses = stack_up(options, say)
        for name, value in addresses.environ().items():
            print(f"export {name}={value}")


@app.command()
def down(
    folder: FOLDER = DEFAULT_FOLDER,
    wipe: Annotated[bool, typer.Option("--wipe", help="remove the data too")] = False,
) -> None:
    """End the servers. Their data stays."""
    with _refusals(), _telling() as say:
        stack_down(folder, say, wipe)


@app.command()
def status(folder: FOLDER = DEFAULT_FOLDER) -> None:
    """Show the servers. Exit code 0 when all are ready, 3 when not, 4 when there is no stack here."""
    with _refusals():
        servers = stack_status(folder)
    if not servers:
        print(f"no stack in {folder}")
        raise typer.Exit(4)
    table = Table("server", "state", "pid", "address", "memory", "folder", box=None)
    for one in servers:
        memory = f"{one.memory_bytes / 2**20:.0f} MiB" if one.memory_bytes else "-"
        table.add_row(one.name, one.state, str(one.pid or "-"), one.address, memory, str(one.folder))
    Console(width=None if os.isatty(1) else 160).print(table)
    raise typer.Exit(0 if all(one.state == "ready" for one in servers) else 3)


@app.command()
def logs(
    server: Annotated[str, typer.Argument(help="kafka-1, cassandra-1, jaeger, ...; without one, all")] = "",
    folder: FOLDER = DEFAULT_FOLDER,
    follow: Annotated[bool, typer.Option("-f", "--follow", help="go on as more is written")] = False,
    lines: Annotated[int, typer.Option("-n", "--lines", help="how many of the last ones")] = 50,
) -> None:
    """Show what the servers printed."""
    with _refusals():
        layout = Layout(folder.absolute())
        names = [server] if server else [one.name for one in stack_status(folder)]
        files = [str(layout.log(name)) for name in names]
    os.execvp("tail", ["tail", "-n", str(lines), *(["-F"] if follow else []), "--", *files])


@contextmanager
def _refusals() -> Iterator[None]:
    try:
        yield
    except (StackError, ValueError) as error:
        refuse(str(error))


@contextmanager
def _telling() -> Iterator[Say]:
    console = Console(stderr=True)
    yield console.print
