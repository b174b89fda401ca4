"""A store that freezes, and one that dies: running answers stream on, new turns wait, nothing is lost (DESIGN 7)."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest

from infra.stack import StackServer
from samvad_client import TurnHandle, TurnView
from tests.connected.crowd import talking_crowd
from tests.connected.roles import Roles
from tests.connected.running_stack import RunningStack
from tests.flow.admin_pages import scraped
from tests.whole.people import Person, assert_seen_is_stored, person
from tests.whole.processes import Program

pytestmark = [pytest.mark.connected, pytest.mark.timeout(240)]

FROZEN_SECONDS = 30.0
TOKENS = 300
"""Of the `long` answer, 50 ms apart: half of the freeze."""
PEOPLE = 10


async def test_a_frozen_store_and_then_a_killed_one_lose_nothing(stack: RunningStack, roles: Roles) -> None:
    cassandra = stack.server("cassandra-1")
    with roles.worker() as worker, roles.edge() as edge:
        async with talking_crowd([edge.said["edge"]], PEOPLE, "fast") as crowd:
            await crowd.until_answered(PEOPLE)
            async with no_loop_stalls([worker, edge]):
                await stream_through_a_freeze(stack, edge.said["edge"])
                await crowd.until_answered(PEOPLE)
                await asyncio.to_thread(cassandra.kill)
                await asyncio.to_thread(cassandra.start)
                await crowd.until_answered(2 * PEOPLE)
            crowd.assert_sockets_stayed_open()


async def stream_through_a_freeze(stack: RunningStack, edge: str) -> None:
    """An answer under way is shown to its last word while the store is frozen; only its end waits for the store."""
    async with person(edge, "streams") as asha, person(edge, "waits") as ben:
        streaming = asha.client.ask(asha.conversation_id, "Go on.", "long")
        await until_words(streaming, 5)
        async with frozen(stack.server("cassandra-1")):
            waiting = ben.client.ask(ben.conversation_id, "Hello?", "fast")
            await until_words(streaming, TOKENS)
        shown = streaming.view.answer  # nothing was awaited since the store is back
        assert not streaming.view.has_ended
        assert not waiting.view.has_ended
        assert (await ended_as_stored(asha, streaming)).answer == shown
        await ended_as_stored(ben, waiting)


@asynccontextmanager
async def frozen(server: StackServer) -> AsyncIterator[None]:
    """Suspended for FROZEN_SECONDS, which the block's work must not take."""
    server.suspend()
    try:
        until = asyncio.create_task(asyncio.sleep(FROZEN_SECONDS))
        yield
        assert not until.done()
        await until
    finally:
        server.resume()


async def until_words(handle: TurnHandle, count: int) -> None:
    """Returns when that many words of the answer are shown."""
    async for view in handle:
        if len(view.answer.split()) >= count:
            return


async def ended_as_stored(someone: Person, handle: TurnHandle) -> TurnView:
    async with asyncio.timeout(30):
        turn = await handle.ended()
    assert (str(turn.status), turn.attempt) == ("completed", 1)
    await assert_seen_is_stored(someone, [turn])
    return turn


@asynccontextmanager
async def no_loop_stalls(roles: Sequence[Program]) -> AsyncIterator[None]:
    """No code holds their event loops for more than 100 ms while the block runs."""
    before = [await stalls(role) for role in roles]
    yield
    assert [await stalls(role) for role in roles] == before


async def stalls(role: Program) -> float:
    """How often a role's event loop was held for more than 100 ms. A machine without a free CPU does not count."""
    metrics = await scraped(role.said["admin"])
    held = "samvad_event_loop_held_seconds"
    return metrics(f"{held}_count") - metrics(f"{held}_bucket", le="0.1")
