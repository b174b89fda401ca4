"""The servers of a cluster: the native stack, with its topics and tables made.

In: a folder. Out: the stack's addresses, for as long as the block runs; what was started here is ended with it.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from infra.refused import Refused
from infra.stack import StackAddresses, StackError, StackOptions, down, status, up
from infra.stack.layout import remembered
from infra.topics.making import TopicOptions, make_topics

Say = Callable[[str], None]


class StackRefused(Refused):
    """The native stack can't be brought up; the text says why."""


@asynccontextmanager
async def running_servers(folder: Path, keep: bool, say: Say) -> AsyncIterator[StackAddresses]:
    """Ends the stack when the block ends, unless it ran before or is to be kept. Raises StackRefused."""
    ran_before = _runs(folder)
    try:
        yield await _prepared(_options(folder), say)
    except StackError as error:
        raise StackRefused(str(error)) from error
    finally:
        if not (keep or ran_before):
            # Waits for an `up` that was broken off: its thread goes on, under the folder's lock.
            await asyncio.to_thread(down, folder, say)


def _runs(folder: Path) -> bool:
    try:
        return any(one.pid is not None for one in status(folder))
    except StackError as error:
        raise StackRefused(str(error)) from error


def _options(folder: Path) -> StackOptions:
    """What the folder's data was made with, else a small stack on the usual ports."""
    return remembered(folder.absolute()) or StackOptions(folder)


async def _prepared(options: StackOptions, say: Say) -> StackAddresses:
    addresses = await asyncio.to_thread(up, options, say)
    if not await make_topics(addresses.kafka_address(), TopicOptions(), say):
        raise StackRefused("the topics are not as this program wants them: see `samvad topics --check`")
    from store.cassandra.migrating import migrate  # noqa: PLC0415  the driver takes its time

    await asyncio.to_thread(migrate, addresses.cassandra_address(), options.cassandra_nodes, say)
    return addresses
