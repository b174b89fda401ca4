"""The store that a role works on: Cassandra where its contact points are named, else SQLite in the data folder.

A store that is away at the start is waited for, with a line in the log; nothing is answered until then.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import structlog

from infra.cassandra_settings import CassandraSettings
from store.errors import StoreUnavailable

if TYPE_CHECKING:
    from store.cassandra.opening import CassandraStore
    from store.sqlite.opening import SqliteStore

    Store: TypeAlias = SqliteStore | CassandraStore

log = structlog.get_logger(__name__)

PAUSE_SECONDS = 2.0


@asynccontextmanager
async def opened_store(data: Path, cassandra: CassandraSettings) -> AsyncIterator["Store"]:
    """The store while the block runs. Raises StoreError for what waiting does not mend."""
    async with AsyncExitStack() as stack:
        yield await _entered_patiently(stack, data, cassandra)


async def _entered_patiently(stack: AsyncExitStack, data: Path, cassandra: CassandraSettings) -> "Store":
    while True:
        try:
            return await stack.enter_async_context(_opening(data, cassandra))
        except StoreUnavailable as error:
            log.warning("waiting_for_the_store", reason=str(error))
            await asyncio.sleep(PAUSE_SECONDS)


def _opening(data: Path, cassandra: CassandraSettings) -> AbstractAsyncContextManager[Any]:
    # A role loads only the driver that it uses.
    if address := cassandra.address():
        from store.cassandra.opening import open_cassandra_store  # noqa: PLC0415

        return open_cassandra_store(address)
    from store.sqlite.opening import open_store  # noqa: PLC0415

    return open_store(data / "samvad.db")
