"""How long a stop takes: from the user's `stop` to the moment when the provider sees its connection closed (G8)."""

import asyncio
import random
from collections.abc import Sequence

from benchmarks.answers import AnswerBroke
from benchmarks.direct import Provider
from benchmarks.people import Person
from benchmarks.system import ENDLESS

DELTA_SECONDS = 0.04
CLOSED_SECONDS = 5.0


async def stop_times_ms(someone: Sequence[Person], provider: Provider, stops: int) -> list[float]:
    """Endless answers, stopped at random moments, one after the other for each person."""
    each = [_stop_repeatedly(person, stops // len(someone)) for person in someone]
    stopped = dict(pair for pairs in await asyncio.gather(*each) for pair in pairs)
    closed = await _closed_ns(provider, stopped)
    return [(closed[marker] - stopped[marker]) / 1e6 for marker in stopped]


async def _stop_repeatedly(person: Person, stops: int) -> list[tuple[str, int]]:
    stopped = []
    for _ in range(stops):
        answer = await person.ask_and_stop(ENDLESS, random.randint(1, 5), random.uniform(0, DELTA_SECONDS))
        stopped.append((answer.marker, answer.stop_sent_ns))
    return stopped


async def _closed_ns(provider: Provider, stopped: dict[str, int]) -> dict[str, int]:
    async with asyncio.timeout(CLOSED_SECONDS):
        while True:
            calls = await provider.calls()
            if missing := stopped.keys() - calls.keys():
                raise AnswerBroke(f"{len(missing)} stopped answers are not in the provider's record")
            closed = {marker: call.closed_at_ns for marker in stopped if (call := calls[marker]).closed_at_ns}
            if len(closed) == len(stopped):
                return {marker: at for marker, at in closed.items() if at is not None}
            await asyncio.sleep(0.1)
