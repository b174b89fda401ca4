"""`samvad stack`: the real servers natively on this machine, up, down, their state and their logs."""

import os
import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from infra.cli.progress import telling
from infra.cli.refusals import refuse
from infra.stack import Ports, ServerStatus, StackAddresses, StackError, StackOptions
from infra.stack import down as stack_down
from infra.stack import server as stack_server
from infra.stack import status as stack_status
from infra.stack import up as stack_up
from infra.stack.layout import Layout, remembered

FOLDER = Annotated[
    Path, typer.Option(envvar="SAMVAD_STACK", help="where the servers' data, logs and configuration are")
]
DEFAULT_FOLDER = Path(".samvad/stack")
NOT_READY, NO_STACK = 3, 4
"""Exit codes of `status`."""

WIDE = 200
"""Columns for who reads the table from a pipe: paths are not cut."""

app = typer.Typer(help="Kafka, Cassandra and Jaeger natively on this machine.", no_args_is_help=True)


@app.command()
def up(
    folder: FOLDER = DEFAULT_FOLDER,
    brokers: Annotated[int | None, typer.Option(help="Kafka brokers: 1 or 3")] = None,
    cassandra_nodes: Annotated[int | None, typer.Option(help="Cassandra nodes: 0, 1 or 3")] = None,
    jaeger: Annotated[bool | None, typer.Option("--jaeger/--no-jaeger", help="traces")] = None,
    secure: Annotated[bool | None, typer.Option("--secure", help="TLS and passwords")] = None,
    ports: Annotated[
        str | None, typer.Option(help="'free', '+100' for the usual ones plus 100, or kafka=9092,cassandra=9042,...")
    ] = None,
) -> None:
    """Start the servers that do not run yet, wait until all are ready, and print the settings to use them with.

    A folder remembers its options: the next `up` needs none.
    """
    given = {"brokers": brokers, "cassandra_nodes": cassandra_nodes, "with_jaeger": jaeger, "secure": secure}
    with _refusals():
        options = _options(folder, {name: value for name, value in given.items() if value is not None}, ports)
        with telling("starting") as say:
            addresses = stack_up(options, say)
    _print_settings(addresses)


@app.command()
def down(
    folder: FOLDER = DEFAULT_FOLDER,
    wipe: Annotated[bool, typer.Option("--wipe", help="remove the data too")] = False,
) -> None:
    """End the servers. Their data stays."""
    with _refusals(), telling("ending") as say:
        stack_down(folder, say, wipe)


@app.command()
def status(folder: FOLDER = DEFAULT_FOLDER) -> None:
    """Show the servers. Exit code 0 when all are ready, 3 when not, 4 where there is no stack."""
    with _refusals():
        servers = stack_status(folder)
    if not servers:
        print(f"no stack in {folder}")
        raise typer.Exit(NO_STACK)
    _print_table(servers)
    raise typer.Exit(0 if all(one.state == "ready" for one in servers) else NOT_READY)


@app.command()
def logs(
    server: Annotated[str | None, typer.Argument(help="kafka-1, cassandra-1, jaeger, ...; without one, all")] = None,
    folder: FOLDER = DEFAULT_FOLDER,
    follow: Annotated[bool, typer.Option("-f", "--follow", help="go on as more is written")] = False,
    lines: Annotated[int, typer.Option("-n", "--lines", help="how many of the last ones")] = 50,
) -> None:
    """Show what the servers printed."""
    with _refusals():
        names = [stack_server(folder, server).name] if server else [one.name for one in stack_status(folder)]
    if not names:
        refuse(f"no stack in {folder}")
    files = [str(Layout(folder).log(name)) for name in names]
    os.execvp("tail", ["tail", "-n", str(lines), *(["-F"] if follow else []), "--", *files])


def _options(folder: Path, given: dict[str, Any], ports: str | None) -> StackOptions:
    before = remembered(folder.absolute())
    if ports is not None and not (before and ports == "free"):  # free ones were found before: the data belongs to them
        given = given | {"ports": Ports.parsed(ports)}
    return replace(before or StackOptions(folder), **given)


@contextmanager
def _refusals() -> Iterator[None]:
    try:
        yield
    except (StackError, ValueError) as error:
        refuse(str(error))


def _print_settings(addresses: StackAddresses) -> None:
    """For `eval`; a password is named by its file, never shown."""
    password_files = addresses.secrets.password_files() if addresses.secrets else {}
    for name, value in addresses.environ().items():
        hidden = password_files.get(name)
        print(f'export {name}="$(cat {shlex.quote(str(hidden))})"' if hidden else f"export {name}={shlex.quote(value)}")


def _print_table(servers: list[ServerStatus]) -> None:
    table = Table("server", "state", "pid", "address", "memory", "folder", box=None, pad_edge=False)
    for one in servers:
        memory = f"{one.memory_bytes / 2**20:.0f} MiB" if one.memory_bytes else "-"
        table.add_row(one.name, one.state, str(one.pid or "-"), one.address, memory, str(one.folder))
    Console(width=None if sys.stdout.isatty() else WIDE).print(table)
