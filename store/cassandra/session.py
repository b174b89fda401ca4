"""The official driver for asyncio: statements in, rows out, and the event loop never waits for the driver (C1-C5).

Whatever blocks (connecting, preparing, closing) runs in a thread. On the loop there is only `execute_async`; its answer
comes from the driver's thread by `call_soon_threadsafe`. While Cassandra is away every call raises StoreUnavailable,
also when it was away from the start: connecting goes on in the background.
"""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from types import TracebackType
from typing import Any, Self

import structlog
from cassandra.query import BatchStatement, BatchType

from store.cassandra.address import CassandraAddress
from store.cassandra.cluster import Connected, connect, profile_of
from store.cassandra.failures import store_error
from store.cassandra.permits import Permits
from store.cassandra.statements import Statement, Write
from store.errors import StoreError, StoreUnavailable

log = structlog.get_logger(__name__)

ROWS_PER_PAGE = 1000
RECONNECT_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Page:
    """Some rows of an answer, as tuples in the order of `columns`; `state` asks for the next page."""

    rows: list[tuple[Any, ...]]
    columns: list[str]
    state: bytes | None


class CassandraSession:
    """An async context manager. Opening raises StoreError for what waiting does not mend: no keyspace, wrong password.

    Where Cassandra was away at the opening, such a thing shows only later: it is warned of, and connecting goes on.
    Every method raises StoreUnavailable; a write's outcome is then unknown. A cancelled wait cancels no statement.
    """

    def __init__(self, address: CassandraAddress, statements: Iterable[Statement]) -> None:
        self._address = address
        self._statements = list(statements)
        self._connected: Connected | None = None
        self._connecting: asyncio.Task[None] | None = None
        self._permits = Permits()
        self.requests = 0
        """How many were sent."""

    async def __aenter__(self) -> Self:
        try:
            self._connected = await self._connect()
        except StoreUnavailable as error:
            log.warning("waiting_for_cassandra", reason=str(error))
            self._connecting = asyncio.create_task(self._connect_later(), name="connect-to-cassandra")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._connecting is not None:
            self._connecting.cancel()
            await asyncio.gather(self._connecting, return_exceptions=True)
        if self._connected is not None:
            connected, self._connected = self._connected, None
            await asyncio.to_thread(connected.close)

    async def rows(self, statement: Statement, *parameters: object) -> list[tuple[Any, ...]]:
        """All rows of a SELECT, in pages."""
        page = await self.page(statement, parameters)
        rows = page.rows
        while page.state is not None:
            page = await self.page(statement, parameters, page.state)
            rows += page.rows
        return rows

    async def row(self, statement: Statement, *parameters: object) -> tuple[Any, ...] | None:
        """The first row of a SELECT, or None."""
        rows = (await self.page(statement, parameters)).rows
        return rows[0] if rows else None

    async def page(self, statement: Statement, parameters: Sequence[object], state: bytes | None = None) -> Page:
        """One page of a SELECT: never more than one request (C2)."""
        connected = self._the_connected()
        bound = connected.prepared[statement].bind(parameters)
        bound.fetch_size = ROWS_PER_PAGE
        answer = await self._ask(connected, bound, statement, state)
        return Page(answer.current_rows, answer.column_names, answer.paging_state)

    async def write(self, *writes: Write) -> None:
        """All writes or none, as one request. Several must be of one partition key: then they are one mutation."""
        connected = self._the_connected()
        bound = [connected.prepared[statement].bind(parameters) for statement, parameters in writes]
        request = bound[0] if len(bound) == 1 else _batch_of(bound)
        await self._ask(connected, request, writes[0][0])

    async def compare_and_set(self, statement: Statement, *parameters: object) -> dict[str, Any] | None:
        """None if it was applied; else what is stored in the columns of the condition (empty: there is no row)."""
        page = await self.page(statement, parameters)
        applied, *stored = page.rows[0]
        return None if applied else dict(zip(page.columns[1:], stored, strict=True))

    async def _ask(self, connected: Connected, request: Any, like: Statement, state: bytes | None = None) -> Any:
        await self._permits.take(like)
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Any] = loop.create_future()
        self.requests += 1
        try:
            profile = profile_of(like)
            running = connected.session.execute_async(request, execution_profile=profile, paging_state=state)
        except Exception as error:
            self._permits.give_back(like)
            raise store_error(error) from error
        settle = partial(_tell_loop, loop, partial(self._settle, like, running, answer))
        running.add_callbacks(settle, settle)
        return await answer

    def _settle(self, like: Statement, running: Any, answer: asyncio.Future[Any]) -> None:
        self._permits.give_back(like)
        if answer.done():  # nobody waits any more; what was written stays written
            return
        try:
            answer.set_result(running.result())  # does not wait: it is there
        except Exception as error:  # the border of the driver's thread: whoever awaits the answer gets it
            answer.set_exception(store_error(error))

    def _the_connected(self) -> Connected:
        if self._connected is None:
            raise StoreUnavailable("not connected to Cassandra")
        return self._connected

    async def _connect(self) -> Connected:
        connecting = asyncio.ensure_future(asyncio.to_thread(connect, self._address, self._statements))
        try:
            return await asyncio.shield(connecting)
        except asyncio.CancelledError:
            connecting.add_done_callback(_close_unwanted)
            raise

    async def _connect_later(self) -> None:
        told = ""
        while self._connected is None:
            await asyncio.sleep(RECONNECT_SECONDS)
            try:
                self._connected = await self._connect()
            except Exception as error:  # the border of the task: whatever it was, the next try may work
                told = _tell_why(error, told)
        log.info("cassandra_is_there")


def _tell_why(error: Exception, told: str) -> str:
    """Warns of what somebody has to mend, unless that was what was `told` last. Returns what is told by now."""
    reason = str(error) if isinstance(error, StoreError) else f"{type(error).__name__}: {error}"
    if isinstance(error, StoreUnavailable) or reason == told:
        log.debug("cassandra_not_there_yet", reason=reason)
        return told
    log.warning("cassandra_cannot_be_used", reason=reason, exc_info=not isinstance(error, StoreError))
    return reason


def _batch_of(bound: Sequence[Any]) -> Any:
    # One partition key makes one mutation of it, whole or not at all, without the cost of the batch log.
    batch = BatchStatement(BatchType.UNLOGGED)
    for statement in bound:
        batch.add(statement)
    batch.is_idempotent = all(statement.is_idempotent for statement in bound)
    return batch


def _tell_loop(loop: asyncio.AbstractEventLoop, settle: Any, _result_or_error: object) -> None:
    """Runs on the driver's thread, which drops exceptions (C3)."""
    try:
        loop.call_soon_threadsafe(settle)
    except RuntimeError:
        log.debug("answer_after_the_loop")


def _close_unwanted(connecting: asyncio.Future[Connected]) -> None:
    if not connecting.cancelled() and connecting.exception() is None:
        connecting.result().close()
