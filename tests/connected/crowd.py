"""Load with a strict eye: people who ask one question after the other while a test breaks things around them.

In: the edges' addresses, how many people, which model. Out: every turn that they saw, checked against what is stored.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

from samvad_client import TurnHandle, TurnView
from tests.contracts.deadlines import eventually
from tests.whole.people import Person, assert_seen_is_stored, person

END_SECONDS = 90.0


@dataclass
class Crowd:
    """People, and the turns that each of them saw to the end."""

    people: list[Person]
    model: str
    pause_seconds: float = 0.0
    """How long each of them thinks about an answer."""
    turns: list[list[TurnView]] = field(default_factory=list)
    newest: dict[str, TurnHandle] = field(default_factory=dict)
    """What each of them asked last, by conversation."""
    enough: asyncio.Event = field(default_factory=asyncio.Event)
    longest_wait_seconds: float = 0.0
    """From a question to the end of its answer."""

    async def talk(self) -> None:
        """Everybody asks until `enough`; the last answers are waited for."""
        self.turns = [[] for _ in self.people]
        async with asyncio.TaskGroup() as tasks:
            for someone, seen in zip(self.people, self.turns, strict=True):
                tasks.create_task(self._ask_again_and_again(someone, seen))

    async def _ask_again_and_again(self, someone: Person, seen: list[TurnView]) -> None:
        while not self.enough.is_set():
            asked_at = time.monotonic()
            handle = someone.client.ask(someone.conversation_id, f"question {len(seen)}", self.model)
            self.newest[someone.conversation_id] = handle
            async with asyncio.timeout(END_SECONDS):
                seen.append(await handle.ended())
            self.longest_wait_seconds = max(self.longest_wait_seconds, time.monotonic() - asked_at)
            await asyncio.sleep(self.pause_seconds)

    @property
    def answered(self) -> int:
        """Answers seen to their end so far."""
        return sum(map(len, self.turns))

    async def until_answered(self, more: int) -> None:
        """Returns when `more` answers than now have ended."""
        wanted = self.answered + more
        await eventually(lambda: self._has_answered(wanted), END_SECONDS)

    async def until_everybody_reads(self) -> None:
        """Returns when each of them is in the middle of an answer."""
        await eventually(self._everybody_reads, END_SECONDS)

    async def _everybody_reads(self) -> bool:
        views = [handle.view for handle in self.newest.values()]
        return len(views) == len(self.people) and all(view.answer and not view.has_ended for view in views)

    async def until_everybody_got_an_answer(self) -> None:
        """Returns when each of them has two more than now: one may have been under way already."""
        wanted = [len(seen) + 2 for seen in self.turns]
        await eventually(lambda: self._have_seen(wanted), END_SECONDS)

    async def _have_seen(self, wanted: list[int]) -> bool:
        return all(len(seen) >= count for seen, count in zip(self.turns, wanted, strict=True))

    async def _has_answered(self, wanted: int) -> bool:
        return self.answered >= wanted

    async def assert_nothing_lost_or_doubled(self) -> None:
        """G1, G2, G3: each question has one end, each answer is stored as it was seen, and nothing else is."""
        for someone, seen in zip(self.people, self.turns, strict=True):
            assert {str(turn.status) for turn in seen} == {"completed"}
            assert someone.observer.open_turns() == []
            await assert_seen_is_stored(someone, seen)

    def assert_sockets_stayed_open(self) -> None:
        assert sum(someone.sessions[False] for someone in self.people) == 0


@asynccontextmanager
async def talking_crowd(
    edges: Sequence[str], count: int, model: str, pause_seconds: float = 0.0
) -> AsyncIterator[Crowd]:
    """`count` people, spread over the edges, who talk while the block runs and end their last answers after it."""
    async with AsyncExitStack() as stack:
        people = [
            await stack.enter_async_context(person(edges[number % len(edges)], f"one of the crowd {number}"))
            for number in range(count)
        ]
        crowd = Crowd(people, model, pause_seconds)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(crowd.talk())
            yield crowd
            crowd.enough.set()
        await crowd.assert_nothing_lost_or_doubled()
