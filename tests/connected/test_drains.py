"""Workers and an edge that are told to leave, once or twice, in the middle of answers (DESIGN 6, Drain).

One system, taken apart: a worker whose drain is short, one that is told to hurry, and at last the edge.
"""

import asyncio
import signal
import subprocess
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack

import pytest

from infra.signals import HURRY_SECONDS
from samvad_client import TurnHandle
from tests.connected.roles import Roles
from tests.contracts.deadlines import eventually
from tests.flow.admin_pages import scraped
from tests.whole.people import Person, person
from tests.whole.processes import Program

pytestmark = [pytest.mark.connected, pytest.mark.timeout(240)]

Told = Callable[[Program], Awaitable[None]]
"""Ends a process by its signals."""

PEOPLE = 8
FOR_EVER = "60"
GOES_ON_SECONDS = 3.0
"""After it was given back, an answer is shown again (issue 5, Must hold 3)."""


async def test_what_is_given_back_goes_on_elsewhere_and_a_second_signal_ends_a_role_at_once(roles: Roles) -> None:
    async with AsyncExitStack() as stack:
        short = stack.enter_context(roles.worker(SAMVAD_DRAIN_SECONDS="1"))
        hurried = stack.enter_context(roles.worker(SAMVAD_DRAIN_SECONDS=FOR_EVER))
        stack.enter_context(roles.worker())
        edge = stack.enter_context(roles.edge(SAMVAD_DRAIN_SECONDS=FOR_EVER))
        people = [await stack.enter_async_context(person(edge.said["edge"], f"reader {n}")) for n in range(PEOPLE)]
        handles = [each.client.ask(each.conversation_id, "go on and on", "endless") for each in people]
        await eventually(lambda: _all_read(handles), seconds=30)
        await _goes_on_elsewhere(short, handles, _told_once)
        await _goes_on_elsewhere(hurried, handles, _told_twice)
        for handle in handles:
            await handle.stop()
            assert str((await handle.ended()).status) == "stopped"
        await _told_twice(edge)
        await eventually(lambda: _all_were_sent_away(people), seconds=5)
        assert [violation for each in people for violation in each.observer.violations] == []


async def _goes_on_elsewhere(leaving: Program, handles: list[TurnHandle], told: Told) -> None:
    """Every turn that it ran shows text again, in its next attempt, soon after the process is gone."""
    before = {handle: handle.view.attempt for handle in handles}
    ran_there = (await scraped(leaving.said["admin"]))("samvad_turns", state="running")
    assert ran_there > 0, "nobody's question came to this worker: ask more people"
    await told(leaving)

    async def has_gone_on() -> bool:
        later = [handle for handle in handles if handle.view.attempt > before[handle] and handle.view.answer]
        return len(later) == ran_there

    await eventually(has_gone_on, seconds=GOES_ON_SECONDS)


async def _told_once(leaving: Program) -> None:
    assert await asyncio.to_thread(leaving.end, 20) == 0


async def _told_twice(leaving: Program) -> None:
    """The first signal alone would be waited on for a minute."""
    leaving.process.send_signal(signal.SIGTERM)
    with pytest.raises(subprocess.TimeoutExpired):
        await asyncio.to_thread(leaving.process.wait, 1)
    began = time.monotonic()
    assert await asyncio.to_thread(leaving.end, 20) == 0
    assert time.monotonic() - began < HURRY_SECONDS


async def _all_read(handles: list[TurnHandle]) -> bool:
    return all(handle.view.answer for handle in handles)


async def _all_were_sent_away(people: list[Person]) -> bool:
    return all(someone.sessions[False] for someone in people)
