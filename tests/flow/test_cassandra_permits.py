"""How many statements run at once, how long the others wait, and what waits for nobody."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from schemas.ids import new_id
from store.cassandra import permits
from store.cassandra.address import CassandraAddress
from store.cassandra.cluster import Connected
from store.cassandra.heartbeats import STATEMENTS, CassandraHeartbeats
from store.cassandra.session import CassandraSession
from store.cassandra.statements import Kind, Statement
from store.errors import StoreUnavailable

OTHER = Statement("SELECT row FROM turns WHERE turn_id = ?", Kind.READ)


class Asked:
    """Stands for the driver's prepared and bound statement, and for its answer, which comes when a test wants it."""

    current_rows: tuple[Any, ...] = ()
    column_names: tuple[str, ...] = ()
    paging_state = None
    is_idempotent = True
    settle: Callable[[Any], None]

    def bind(self, _parameters: Any) -> "Asked":
        return Asked()

    def add_callbacks(self, settle: Callable[[Any], None], _failed: Any) -> None:
        self.settle = settle

    def result(self) -> "Asked":
        return self


class SlowServer:
    """Answers nothing before it is told to."""

    def __init__(self) -> None:
        self.running: list[Asked] = []

    def execute_async(self, asked: Asked, **_: Any) -> Asked:
        self.running.append(asked)
        return asked

    def answer_all(self) -> None:
        answered, self.running = self.running, []
        for asked in answered:
            asked.settle(None)


@pytest.fixture
def server() -> SlowServer:
    return SlowServer()


@pytest.fixture
def session(server: SlowServer, monkeypatch: pytest.MonkeyPatch) -> CassandraSession:
    monkeypatch.setattr(permits, "MAX_WAIT_SECONDS", 0.05)
    made = CassandraSession(CassandraAddress(("10.0.0.1:9042",)), [])
    made._connected = Connected(None, server, dict.fromkeys((*STATEMENTS, OTHER), Asked()))
    return made


def crowd(session: CassandraSession) -> list[asyncio.Task[Any]]:
    """One statement more than may run."""
    return [asyncio.create_task(session.row(OTHER, new_id())) for _ in range(permits.MAX_RUNNING + 1)]


async def test_a_statement_too_many_waits_for_its_turn_and_not_for_ever(
    session: CassandraSession, server: SlowServer
) -> None:
    *running, waiting = crowd(session)
    with pytest.raises(StoreUnavailable, match="too busy"):
        await waiting
    assert len(server.running) == permits.MAX_RUNNING
    server.answer_all()
    assert await asyncio.gather(*running) == [None] * permits.MAX_RUNNING


async def test_a_worker_beats_and_sees_the_others_beat_however_many_statements_wait(
    session: CassandraSession, server: SlowServer
) -> None:
    others, heartbeats = crowd(session), CassandraHeartbeats(session)
    await asyncio.wait(others[-1:])
    beating = asyncio.create_task(heartbeats.beat(new_id(), 1))
    looking = asyncio.create_task(heartbeats.counters())
    await asyncio.sleep(0)
    assert len(server.running) == permits.MAX_RUNNING + 2
    server.answer_all()
    assert await asyncio.gather(beating, looking) == [None, {}]
    others += crowd(session)
    await asyncio.wait(others[-1:])
    assert len(server.running) == permits.MAX_RUNNING  # what passed by gave nothing back
    server.answer_all()
    await asyncio.gather(*others, return_exceptions=True)
