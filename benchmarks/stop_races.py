"""Stops that race with a turn's start or with its end: none may be lost, and nothing shown after the end (G8).

In: the edges' addresses, how many races. Out: each race as its two devices saw it. One asks and watches; every second
stop comes from the other, at the next edge, which watches nothing.
"""

import asyncio
import random
import time
import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

from benchmarks.device import Device, device
from benchmarks.system import ENDLESS
from samvad_client.rest import EdgeRest
from schemas.client_frames import Send, Stop
from schemas.codec import kind_of
from schemas.frames import Delta, Snapshot
from schemas.ids import new_id, turn_id_of

SHORT = "practice-10x10"
SHORT_SECONDS = 0.1
SPREAD_SECONDS = 0.05
END_SECONDS = 30.0
REFUSED_PAUSE_SECONDS = 0.02
QUIET_SECONDS = 1.0
RACES_EACH = 40
"""Of one person, one after the other in one conversation."""


@dataclass(frozen=True, slots=True)
class Race:
    """`end`: how the turn ended for who watches, `lost` if it did not. `is_answered`: who stopped it heard of its end.

    `frames_after_end`: what was still shown to who watches. `end_ms`: from the stop to the end there.
    """

    moment: str
    end: str
    is_answered: bool
    frames_after_end: int
    end_ms: float

    @property
    def is_clean(self) -> bool:
        return self.end in ("stopped", "completed") and self.is_answered and not self.frames_after_end


@dataclass(frozen=True, slots=True)
class Asked:
    """A question that was sent."""

    request_id: str
    turn_id: str


@dataclass(slots=True)
class _Run:
    """A race that was run, until it is quiet."""

    moment: str
    turn_id: str
    stopper: Device
    stop_sent_ns: int


@dataclass(slots=True)
class Racer:
    """A person with two devices."""

    user_id: str
    watching: Device
    other: Device
    conversation_id: str = field(default_factory=new_id)
    _runs: list[_Run] = field(default_factory=list)

    async def race(self, count: int) -> None:
        """Around the start and around the end, from this device and from the other."""
        for number in range(count):
            stopper = self.other if number % 4 >= 2 else self.watching
            await (self._at_the_end(stopper) if number % 2 else self._at_the_start(stopper))

    def races(self) -> list[Race]:
        """What became of them; ask when all is quiet."""
        return [self._race(run) for run in self._runs]

    async def _at_the_start(self, stopper: Device) -> None:
        asked = await self.ask(ENDLESS)
        await asyncio.sleep(random.uniform(0, SPREAD_SECONDS))
        await self.stop("start", stopper, asked)

    async def _at_the_end(self, stopper: Device) -> None:
        asked = await self.ask(SHORT)
        await self.reads(asked)
        await asyncio.sleep(SHORT_SECONDS + random.uniform(-SPREAD_SECONDS, SPREAD_SECONDS))
        await self.stop("end", stopper, asked)

    async def ask(self, model: str) -> Asked:
        """Asks from the device that watches."""
        request_id = new_id()
        where = uuid.UUID(request_id), uuid.UUID(self.conversation_id)
        await self.watching.say(Send(*where, "Say something about races.", model))
        return Asked(request_id, turn_id_of(self.user_id, self.conversation_id, request_id))

    async def reads(self, asked: Asked) -> None:
        """Returns when text of the answer is shown."""
        async with asyncio.timeout(END_SECONDS):
            while not self.watching.shows(asked.turn_id, Delta):
                await self.watching.news()

    async def stop(self, moment: str, stopper: Device, asked: Asked) -> None:
        """Stops from one of the devices, and waits until both heard of the end."""
        run = _Run(moment, asked.turn_id, stopper, time.monotonic_ns())
        self._runs.append(run)
        request_id = uuid.UUID(asked.request_id)
        stop = Stop(request_id=request_id, conversation_id=uuid.UUID(self.conversation_id))
        if stopper is self.other:
            stop = Stop(turn_id=uuid.UUID(asked.turn_id), request_id=request_id)
        try:
            async with asyncio.timeout(END_SECONDS):
                await stopper.say(stop)
                await self._until_ended(run, asked.request_id, stop)
        except TimeoutError:
            return  # it is lost, and counted as such

    async def _until_ended(self, run: _Run, request_id: str, stop: Stop) -> None:
        """An edge that does not know the turn yet refuses: then the other device asks again, as clients do."""
        while not (run.stopper.end_of(run.turn_id) and self.watching.end_of(run.turn_id)):
            if run.stopper.takes_refusal(request_id):
                await asyncio.sleep(REFUSED_PAUSE_SECONDS)
                run.stop_sent_ns = time.monotonic_ns()
                await run.stopper.say(stop)
                continue
            await (self.watching if run.stopper.end_of(run.turn_id) else run.stopper).news()

    def _race(self, run: _Run) -> Race:
        end = self.watching.end_of(run.turn_id)
        is_answered = run.stopper.end_of(run.turn_id) is not None
        if end is None:
            return Race(run.moment, "lost", is_answered, 0, 0.0)
        ended_ns, said = end
        how = str(said.status) if isinstance(said, Snapshot) else kind_of(said)  # type: ignore[arg-type]
        late = self.watching.heard_after(run.turn_id, end)
        return Race(run.moment, how, is_answered, late, max(0.0, (ended_ns - run.stop_sent_ns) / 1e6))


async def stop_races(edge_urls: Sequence[str], count: int) -> list[Race]:
    """So many races, of several people at once."""
    people = -(-count // RACES_EACH)
    async with racers(edge_urls, people) as all_of_them:
        shares = [count // people + (number < count % people) for number in range(people)]
        await asyncio.gather(*(racer.race(share) for racer, share in zip(all_of_them, shares, strict=True)))
        await asyncio.sleep(QUIET_SECONDS)  # whatever would come after an end has come by now
        return [race for racer in all_of_them for race in racer.races()]


@asynccontextmanager
async def racers(edge_urls: Sequence[str], count: int) -> AsyncIterator[list[Racer]]:
    """People whose two devices are at different edges, if there are two."""
    async with AsyncExitStack() as stack:
        yield [await _racer(stack, edge_urls, number) for number in range(count)]


async def _racer(stack: AsyncExitStack, edge_urls: Sequence[str], number: int) -> Racer:
    here, there = edge_urls[number % len(edge_urls)], edge_urls[(number + 1) % len(edge_urls)]
    async with EdgeRest(here) as rest:
        signed_in = await rest.sign_in(f"racer-{number}")
    watching, other = [await stack.enter_async_context(device(url, signed_in.token)) for url in (here, there)]
    return Racer(signed_in.user_id, watching, other)
