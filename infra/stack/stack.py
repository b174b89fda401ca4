"""The native stack as a whole: up and down."""

import shutil
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path

from infra.stack import tools
from infra.stack.addresses import StackAddresses, stack_addresses
from infra.stack.all_servers import secrets_of, servers_in, servers_of
from infra.stack.cassandra_whole import settle_cassandra
from infra.stack.errors import StackError
from infra.stack.kafka_whole import await_all_brokers
from infra.stack.layout import Layout, remember, remembered
from infra.stack.options import MOST_NODES, StackOptions
from infra.stack.programs import Say, locked, programs
from infra.stack.secret_files import Secrets, kept_secrets
from infra.stack.servers import StackServer

MOST_SERVERS = 2 * MOST_NODES + 1


def up(options: StackOptions, say: Say) -> StackAddresses:
    """Starts what does not run yet and returns when every server is ready; what runs is left alone.

    Raises StackError (see infra.stack.errors), whose text says what to do.
    """
    options = replace(options, folder=options.folder.absolute())
    layout = Layout(options.folder)
    options.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with locked(layout.lock_file):
        settled = _with_what_was_here(options)
        built = programs(options.with_jaeger, say)
        secrets = kept_secrets(layout.secrets, tools.keytool()) if options.secure else None
        servers = servers_of(options, built, secrets)
        for one in servers:
            one.check_ports()
        remember(settled)
        _together(partial(_start, one, say) for one in servers)
        return _whole(options, secrets)


def down(folder: Path, say: Say, wipe: bool = False) -> None:
    """Ends every server of the folder's stack; `wipe` removes its data too. Without a stack there, does nothing."""
    options = remembered(folder.absolute())
    if options is None:
        say(f"no stack in {folder}")
        return
    with locked(Layout(options.folder).lock_file):
        _together(partial(_stop, one, say) for one in servers_in(folder))
        if wipe:
            shutil.rmtree(options.folder)


def addresses(folder: Path) -> StackAddresses:
    """Where the folder's stack is reached. Raises StackError."""
    options = remembered(folder.absolute())
    if options is None:
        raise StackError(f"no stack in {folder}; start one: samvad stack up --folder {folder}")
    return stack_addresses(options, secrets_of(options))


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


def _whole(options: StackOptions, secrets: Secrets | None) -> StackAddresses:
    """One server that answers is a whole cluster; several, or passwords, are worth a look from a client's side."""
    found = stack_addresses(options, secrets)
    looks: list[Callable[[], None]] = []
    if options.brokers > 1 or secrets:
        looks.append(partial(await_all_brokers, found.kafka_address(), options.brokers))
    if options.cassandra_nodes > 1 or (options.cassandra_nodes and secrets):
        looks.append(partial(settle_cassandra, options, secrets))
    _together(looks)
    return found


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


def _together(tasks: Iterable[Callable[[], None]]) -> None:
    """Does all at the same time, in threads (so that event loops of a caller's stay out of it); raises the first error
    once all are done."""
    with ThreadPoolExecutor(MOST_SERVERS) as threads:
        running = [threads.submit(task) for task in tasks]
    for one in running:
        one.result()
