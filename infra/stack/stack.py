"""The native stack as a whole: up, down, status, and each of its servers by name."""

import shutil
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from infra.stack.addresses import StackAddresses, stack_addresses
from infra.stack.cassandra_plan import cassandra_plans
from infra.stack.errors import StackError
from infra.stack.jaeger_plan import jaeger_plan
from infra.stack.kafka_plan import kafka_plans
from infra.stack.layout import Layout, remember, remembered
from infra.stack.options import StackOptions
from infra.stack.plan import Built
from infra.stack.processes import RunningProcess
from infra.stack.programs import Say, locked, places, programs
from infra.stack.servers import StackServer


@dataclass(frozen=True, slots=True)
class ServerStatus:
    """One line of `samvad stack status`."""

    name: str
    state: str
    """ready, not answering, suspended or down."""
    pid: int | None
    address: str
    memory_bytes: int
    folder: Path


def up(options: StackOptions, say: Say) -> StackAddresses:
    """Starts what does not run yet and returns when every server is ready; what runs is left alone.

    Raises StackError (see infra.stack.errors), whose text says what to do.
    """
    options = replace(options, folder=options.folder.absolute())
    options.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with locked(Layout(options.folder).lock_file):
        settled = _with_what_was_here(options)
        servers = _servers(options, programs(options.with_jaeger, say))
        for one in servers:
            one.check_ports()
        remember(settled)
        _together(servers, lambda one: _start(one, say))
    return stack_addresses(options)


def down(folder: Path, say: Say, wipe: bool = False) -> None:
    """Ends every server of the folder's stack; `wipe` removes its data too. Without a stack there, does nothing."""
    options = remembered(folder.absolute())
    if options is None:
        say(f"no stack in {folder}")
        return
    with locked(Layout(options.folder).lock_file):
        _together(_servers(options, places()), lambda one: _stop(one, say))
    if wipe:
        shutil.rmtree(options.folder)


def status(folder: Path) -> list[ServerStatus]:
    """Every server of the folder's stack; empty when there is none."""
    options = remembered(folder.absolute())
    return [_status(one) for one in _servers(options, places())] if options else []


def server(folder: Path, name: str) -> StackServer:
    """One server of the folder's stack: kafka-1, cassandra-1, jaeger, ... Raises StackError."""
    options = remembered(folder.absolute())
    for one in _servers(options, places()) if options else []:
        if one.name == name:
            return one
    raise StackError(f"no server {name} in {folder}")


def addresses(folder: Path) -> StackAddresses:
    """Where the folder's stack is reached. Raises StackError."""
    options = remembered(folder.absolute())
    if options is None:
        raise StackError(f"no stack in {folder}; start one: samvad stack up --folder {folder}")
    return stack_addresses(options)


def _with_what_was_here(options: StackOptions) -> StackOptions:
    """The options to remember. Raises StackError when the folder's data belongs to other ones."""
    before = remembered(options.folder)
    if before is None:
        return options
    if not options.same_servers(before):
        raise StackError(
            f"{options.folder} holds a stack with other options ({before.described()}). Start that one, choose another "
            f"--folder, or remove it with its data: samvad stack down --wipe --folder {options.folder}"
        )
    return replace(options, with_jaeger=options.with_jaeger or before.with_jaeger)


def _servers(options: StackOptions, built: Built) -> list[StackServer]:
    plans = [*kafka_plans(options, built), *cassandra_plans(options, built)]
    if options.with_jaeger:
        plans.append(jaeger_plan(options, built))
    return [StackServer(plan, Layout(options.folder), None) for plan in plans]


def _start(one: StackServer, say: Say) -> None:
    if one.is_ready():
        say(f"{one.name} runs already on {one.plan.address}")
        return
    began = time.monotonic()
    one.start()
    say(f"{one.name} is ready on {one.plan.address} after {time.monotonic() - began:.1f} s")


def _stop(one: StackServer, say: Say) -> None:
    if one.process is not None:
        one.stop()
        say(f"{one.name} has ended")


def _together(servers: Sequence[StackServer], do: Callable[[StackServer], None]) -> None:
    """Does it to all at the same time; raises the first error once all are done."""
    with ThreadPoolExecutor(max_workers=max(1, len(servers))) as threads:
        running = [threads.submit(do, one) for one in servers]
    for one in running:
        one.result()


def _status(one: StackServer) -> ServerStatus:
    process = one.process
    return ServerStatus(
        name=one.name,
        state=_state(one, process),
        pid=process.pid if process else None,
        address=one.plan.address,
        memory_bytes=process.memory_bytes() if process else 0,
        folder=one.layout.server(one.name),
    )


def _state(one: StackServer, process: RunningProcess | None) -> str:
    if process is None:
        return "down"
    if process.is_suspended():
        return "suspended"
    return "ready" if one.is_ready() else "not answering"
