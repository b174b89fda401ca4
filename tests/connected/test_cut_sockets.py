"""G3, G4: sockets cut at 200 random points, each coming back to a random one of two edges, which are killed meanwhile.

Cut in handshakes, on the way of a question, before `accepted`, and in the middle of frames (tests/cutting_proxy.py).
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from random import Random

import pytest

from samvad_client import backoff
from tests.connected.crowd import Crowd
from tests.connected.roles import Roles
from tests.cutting_proxy import CuttingProxy, cutting_proxy
from tests.whole.people import person
from tests.whole.processes import Program, free_port

pytestmark = [pytest.mark.connected, pytest.mark.timeout(300)]

log = logging.getLogger(__name__)

CUTS = 200
PEOPLE = 16
SECONDS_BETWEEN_KILLS = 4.0
END_SECONDS = 240.0


async def test_sockets_cut_at_200_points_with_edges_killed_show_exactly_what_is_stored(
    roles: Roles, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backoff, "MAX_SECONDS", 1.0)
    with roles.worker() as _:
        async with (
            mortal_edges(roles) as edges,
            cutting_proxy(edges.addresses, CUTS, Random(6)) as proxy,
            people_behind(proxy, edges.addresses[0]) as (crowd, unaccepted),
            asyncio.timeout(END_SECONDS),
        ):
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(crowd.talk())
                tasks.create_task(edges.die_and_come_back(proxy.all_made))
                await proxy.all_made.wait()
                crowd.enough.set()
            told = f"{proxy.cuts} cuts, {edges.kills} kills, {len(unaccepted)} losses before `accepted`"
            log.info("%s, %d answers", told, crowd.answered)
            assert (proxy.cuts >= CUTS, edges.kills >= 3, len(unaccepted) >= 10) == (True, True, True), told
            await crowd.assert_nothing_lost_or_doubled()


class MortalEdges:
    """Two edges on ports that stay theirs."""

    def __init__(self, roles: Roles, stack: AsyncExitStack) -> None:
        self.kills = 0
        self._roles = roles
        self._stack = stack
        self._ports = [str(free_port()) for _ in range(2)]
        self._edges = [self._start(port) for port in self._ports]
        self.addresses = [edge.said["edge"] for edge in self._edges]

    async def die_and_come_back(self, enough: asyncio.Event) -> None:
        """One after the other, by `kill -9`, until it is enough; in the end both are there."""
        while not enough.is_set():
            which = self.kills % 2
            self._edges[which].kill()
            self.kills += 1
            self._edges[which] = await asyncio.to_thread(self._start, self._ports[which])
            await asyncio.wait([asyncio.create_task(enough.wait())], timeout=SECONDS_BETWEEN_KILLS)

    def _start(self, port: str) -> Program:
        return self._stack.enter_context(self._roles.edge(SAMVAD_PORT=port))


@asynccontextmanager
async def mortal_edges(roles: Roles) -> AsyncIterator[MortalEdges]:
    async with AsyncExitStack() as stack:
        yield await asyncio.to_thread(MortalEdges, roles, stack)


@asynccontextmanager
async def people_behind(proxy: CuttingProxy, edge: str) -> AsyncIterator[tuple[Crowd, list[str]]]:
    """People in a bad network, and the question of each session that was lost before `accepted` came."""
    async with AsyncExitStack() as stack:
        crowd, unaccepted = Crowd([], "slow"), list[str]()

        def note_unaccepted(number: int) -> None:
            handle = crowd.newest.get(crowd.people[number].conversation_id)
            if handle is not None and handle.view.turn_id is None:
                unaccepted.append(handle.view.question)

        for number in range(PEOPLE):
            going_through = person(
                edge, f"cut off {number}", proxy.address, lambda number=number: note_unaccepted(number)
            )
            crowd.people.append(await stack.enter_async_context(going_through))
        yield crowd, unaccepted
