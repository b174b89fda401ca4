"""Between the poll loop and the turns: lanes by conversation, one task per running turn, and what may be committed."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import structlog

from consumers.assignment import Assignment
from consumers.offsets import OffsetTracker
from consumers.ordering import Lanes
from consumers.running_turns import RunningTurns
from consumers.slot import Slot
from consumers.taking import TakenRequest
from schemas.requests import ChatRequest
from schemas.topics import request_key

log = structlog.get_logger(__name__)

Answer = Callable[[TakenRequest, Slot], Awaitable[bool]]
Settle = Callable[[str], Awaitable[None]]
"""Hears of each turn that is done with for good, in the moment in which its offset may be committed."""
Interrupt = Callable[[ChatRequest, Sequence[ChatRequest]], None]
"""Begins to stop the open turns before a question that interrupts."""


@dataclass(frozen=True, slots=True)
class Job:
    """One taken record: whose offset it is, and what to answer."""

    partition: Hashable
    tracker: OffsetTracker
    offset: int
    taken: TakenRequest

    @property
    def request(self) -> ChatRequest:
        return self.taken.request


@dataclass(slots=True)
class _Started:
    """A job with its task; a slot as its turn knows it. `may_go_on` is there while it is parked; `keeps_claim`: parked,
    its turn is still ours.
    """

    dispatcher: "Dispatcher"
    key: str
    job: Job
    task: asyncio.Task[None] | None = None
    may_go_on: asyncio.Event | None = None
    keeps_claim: bool = False

    @asynccontextmanager
    async def lent(self, keeps_claim: bool = False) -> AsyncIterator[None]:
        self.may_go_on, self.keeps_claim = asyncio.Event(), keeps_claim
        self.dispatcher.park(self.key)
        try:
            yield
            self.dispatcher.unpark(self.key)
            await self.may_go_on.wait()
        finally:
            self.may_go_on = None


class Dispatcher:
    """Starts turns as lanes allow, and notes their offsets as finished once their rows are ended.

    `max_per_user`: turns of one user for one model that run or wait for their provider at once.
    """

    def __init__(
        self,
        answer: Answer,
        running: RunningTurns,
        max_running: int,
        settle: Settle | None = None,
        interrupt: Interrupt | None = None,
        max_per_user: int | None = None,
    ) -> None:
        self._answer = answer
        self._settle = settle
        self._interrupt = interrupt
        self._running = running
        self._lanes: Lanes[Job] = Lanes(max_running, max_per_user)
        self._started: dict[str, _Started] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_draining = False
        self._held_characters = 0
        self.assignment: Assignment[Any] = Assignment()

    def add(self, job: Job) -> None:
        """Puts a record behind the earlier ones of its conversation and starts what may start."""
        key = request_key(job.request.user_id, job.request.conversation_id)
        if job.request.on_busy == "interrupt":
            self._interrupt_those_before(key, job)
        self._lanes.add(key, job, share=f"{job.request.user_id} {job.request.model}")
        self._held_characters += len(job.request.text)
        self._start_what_may_start()

    @property
    def held_characters(self) -> int:
        """Of the questions of all turns here."""
        return self._held_characters

    @property
    def waiting_count(self) -> int:
        return self._lanes.waiting_count

    @property
    def running_count(self) -> int:
        return self._lanes.running_count

    @property
    def waiting_here_count(self) -> int:
        """Turns of partitions owned now that have not started. Any thread may ask."""
        started = [each for each in self._started.copy().values() if self._owns(each.job)]
        return max(0, self.assignment.open_count - len(started))

    def park(self, key: str) -> None:
        """The key's turn waits for another worker or its provider: its place is somebody else's meanwhile."""
        started = self._started[key]
        self._lanes.park(key, is_open=started.keeps_claim)
        self._let_go_unless_ours(started)
        self._start_what_may_start()

    def unpark(self, key: str) -> None:
        """Lets the key's turn go on as soon as there is room."""
        self._lanes.unpark(key)
        self._start_what_may_start()

    def let_parked_go(self) -> None:
        """Whoever gets their partition waits for them instead: at a drain all, else what is not ours any more."""
        for each in self._started.values():
            self._let_go_unless_ours(each)

    def _let_go_unless_ours(self, started: _Started) -> None:
        if started.may_go_on is None or not (self._is_draining or not self._owns(started.job)):
            return
        if started.keeps_claim:
            self._running.release(started.job.request.turn_id)
        elif started.task is not None:
            started.task.cancel()

    def start_no_more(self) -> None:
        """What waits here stays untouched: its records are taken by whoever gets their partition. A turn that has not
        asked its provider yet is given back: there is no answer that would be cut.
        """
        self._is_draining = True
        self.let_parked_go()
        self._running.leave()

    async def drain(self, seconds: float, release_seconds: float, hurry: asyncio.Event | None = None) -> None:
        """Starts nothing more, gives running turns `seconds` to end, then has the rest given back; sooner if it must
        `hurry`.
        """
        self.start_no_more()
        hurried = asyncio.create_task((hurry or asyncio.Event()).wait())
        ended = asyncio.create_task(self._wait(seconds))
        await asyncio.wait({hurried, ended}, return_when=asyncio.FIRST_COMPLETED)
        for waiting in (hurried, ended):
            waiting.cancel()
        self._running.release_all()
        await self._wait(release_seconds)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _wait(self, seconds: float) -> None:
        if self._tasks:
            await asyncio.wait(set(self._tasks), timeout=seconds)

    def _interrupt_those_before(self, key: str, job: Job) -> None:
        """`on_busy: interrupt` stops the open turns before it in its conversation: running, parked or waiting.

        Not a record that comes again while its turn is here: what is before it now may have come after it.
        """
        started = [self._started[key].job] if key in self._started else []
        lane = [*started, *self._lanes.waiting_for(key)]
        earlier = [other.request for other in lane if other.offset < job.offset]
        is_here = any(other.request.turn_id == job.request.turn_id for other in lane)
        if self._interrupt is not None and earlier and not is_here:
            self._interrupt(job.request, earlier)

    def _start_what_may_start(self) -> None:
        if self._is_draining:
            return
        for key in self._lanes.resumable():
            if going_on := self._started[key].may_go_on:
                going_on.set()
        for key, job in self._lanes.startable():
            started = self._started[key] = _Started(self, key, job)
            started.task = asyncio.create_task(self._run(key, started), name=f"turn-{job.request.turn_id}")
            self._tasks.add(started.task)
            started.task.add_done_callback(self._tasks.discard)

    def _owns(self, job: Job) -> bool:
        return self.assignment.owns(job.partition, job.tracker)

    async def _run(self, key: str, started: _Started) -> None:
        try:
            # A record of an older assignment is somebody else's by now, or comes to us again.
            if self._owns(started.job) and not self._is_draining:
                await self._see_through(started.job, started)
        finally:
            self._started.pop(key, None)
            self._held_characters -= len(started.job.request.text)
            self._lanes.done(key)
            self._start_what_may_start()

    async def _see_through(self, job: Job, slot: Slot) -> None:
        if await self._answer(job.taken, slot):
            if self._settle is not None:
                await self._settle(job.request.turn_id)
            job.tracker.finish(job.offset)
