"""A burst above what the provider takes, on real servers: every turn waits its turn, and no user waits for a crowd.

500 turns at ten requests a second: one user's 400, nine others' 11 each, and one user's only one, whose wait is
compared with that in a burst of the nine alone.
"""

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from samvad_client import EdgeRest, SamvadClient, TurnHandle
from samvad_client.connection import ServerSaid
from schemas.codec import kind_of
from schemas.frames import Delta, Started, TurnFrame
from schemas.ids import new_id
from tests.connected.roles import Roles
from tests.whole.processes import models_file

pytestmark = [pytest.mark.connected, pytest.mark.proof, pytest.mark.timeout(300)]

RATE = 10
GREEDY_TURNS, OTHER_USERS, TURNS_OF_OTHERS = 400, 9, 11
TURNS = GREEDY_TURNS + OTHER_USERS * TURNS_OF_OTHERS + 1
IN_A_CONVERSATION = 4
CONVERSATIONS_OF_A_DEVICE = 25
LONGEST_DELAY_SECONDS = 2.0
ENDS = ("completed", "stopped", "failed")


@pytest.fixture
def models(tmp_path: Path, provider_url: str) -> Path:
    return models_file(tmp_path, provider_url, limited=[f"practice-8x20-rate{RATE}"])


@dataclass
class Device:
    """One connected client, what it asked by conversation, and what it saw in which order."""

    client: SamvadClient
    seen: list[TurnFrame]
    spoke: asyncio.Event
    """A piece of an answer came."""
    asked: dict[str, list[TurnHandle]] = field(default_factory=dict)

    def ask(self, count: int) -> None:
        """So many turns, several in each conversation, without waiting for any."""
        for first in range(0, count, IN_A_CONVERSATION):
            conversation_id = new_id()
            texts = range(first, min(count, first + IN_A_CONVERSATION))
            self.asked[conversation_id] = [self.client.ask(conversation_id, f"question {n}") for n in texts]

    async def ends(self) -> list[str]:
        handles = [handle for asked in self.asked.values() for handle in asked]
        return [str((await handle.ended()).status) for handle in handles]

    def out_of_order(self) -> int:
        """Turns that started before the one before them in their conversation had ended."""
        started = {said.turn_id: n for n, said in reversed([*enumerate(self.seen)]) if isinstance(said, Started)}
        ended = {said.turn_id: n for n, said in enumerate(self.seen) if kind_of(said) in ENDS}
        turns = [[str(handle.view.turn_id) for handle in asked] for asked in self.asked.values()]
        pairs = [pair for asked in turns for pair in itertools.pairwise(asked)]
        return sum(started[later] < ended[earlier] for earlier, later in pairs)


@asynccontextmanager
async def device(edge: str, name: str) -> AsyncIterator[Device]:
    seen: list[TurnFrame] = []
    spoke = asyncio.Event()

    def note(said: ServerSaid) -> None:
        if isinstance(said, TurnFrame):
            seen.append(said)
        if isinstance(said, Delta):
            spoke.set()

    async with EdgeRest(edge) as rest:
        token = (await rest.sign_in(name)).token
    async with SamvadClient(edge, token, on_frame=note) as client:
        await client.connected.wait()
        yield Device(client, seen, spoke)


async def first_word_seconds(alone: Device) -> float:
    """From a question in a new conversation to the first piece of its answer."""
    alone.spoke.clear()
    asked_at = time.monotonic()
    handle = alone.client.ask(new_id(), "only one")
    await alone.spoke.wait()
    seconds = time.monotonic() - asked_at
    assert (await handle.ended()).status == "completed"
    return seconds


async def ask_everything(devices: Sequence[tuple[Device, int]]) -> None:
    for someone, count in devices:
        someone.ask(count)
        await asyncio.sleep(0.05)


async def burst(edge: str, wanted: Sequence[tuple[str, int]], alone: Device) -> tuple[float, float]:
    """Seconds until the single user's first word, and until the last end. Everything completes, in order."""
    async with AsyncExitStack() as stack:
        devices = [(await stack.enter_async_context(device(edge, name)), count) for name, count in wanted]
        began_at = time.monotonic()
        await ask_everything(devices)
        alone_seconds = await first_word_seconds(alone)
        ends = [end for someone, _ in devices for end in await someone.ends()]
        assert ends == ["completed"] * sum(count for _, count in wanted)
        assert sum(someone.out_of_order() for someone, _ in devices) == 0
        return alone_seconds, time.monotonic() - began_at


async def test_five_hundred_turns_at_ten_a_second_are_answered_in_order_and_a_crowd_delays_nobody_else(
    roles: Roles,
) -> None:
    settings = dict.fromkeys(("SAMVAD_TURNS_PER_MINUTE", "SAMVAD_MAX_WAIT_SECONDS"), "0")
    settings |= {"SAMVAD_MAX_OPEN_TURNS": "1000", "SAMVAD_FRAME_BURST": "1000", "SAMVAD_MAX_ERRANDS": "500"}
    others = [(f"other {n}", TURNS_OF_OTHERS) for n in range(OTHER_USERS)]
    share = CONVERSATIONS_OF_A_DEVICE * IN_A_CONVERSATION
    greedy = [("greedy", share)] * (GREEDY_TURNS // share)
    with roles.worker(), roles.worker(), roles.edge(**settings) as running:
        edge = running.said["edge"]
        async with device(edge, "alone") as alone:
            await first_word_seconds(alone)
            idle_seconds = await first_word_seconds(alone)
            without_seconds, _ = await burst(edge, others, alone)
            with_seconds, all_seconds = await burst(edge, [*greedy, *others], alone)
    said = f"idle {idle_seconds:.2f}, among the nine {without_seconds:.2f}, with the crowd {with_seconds:.2f} s"
    print(f"the single turn: {said}; all ended in {all_seconds:.0f} s")  # noqa: T201
    assert with_seconds - without_seconds <= LONGEST_DELAY_SECONDS
    assert all_seconds <= 2 * TURNS / RATE + 5
