"""Rounds of a load, straight to the provider and through the system in turn, so that both meet the machine's moods.

In: a system, a `Load`. Out: all answers of both ways, how long their rounds took, and the CPU that each role used
while the system's rounds ran.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from benchmarks.answers import Answer
from benchmarks.cpu import Pids, cpu_seconds, cpu_seconds_since
from benchmarks.direct import Provider
from benchmarks.loads import Load
from benchmarks.people import Person

Ask = Callable[[str], Awaitable[Answer]]
"""Asks a model and reads to the end."""


@dataclass(slots=True)
class Way:
    """What one way of asking gave."""

    answers: list[Answer] = field(default_factory=list)
    seconds: float = 0.0


@dataclass(slots=True)
class Measured:
    """A load's raw result; `cpu_seconds` by role, over the system's rounds."""

    load: Load
    system: Way = field(default_factory=Way)
    direct: Way = field(default_factory=Way)
    cpu_seconds: Counter[str] = field(default_factory=Counter)


async def measure(load: Load, someone: Sequence[Person], provider: Provider, pids: Pids) -> Measured:
    """All rounds of a load."""
    measured = Measured(load)
    askers = [person.ask for person in someone[: load.streams]]
    for _ in range(load.rounds):
        await _round(load, [provider.ask] * load.streams, measured.direct)
        before = cpu_seconds(pids)
        await _round(load, askers, measured.system)
        measured.cpu_seconds.update(cpu_seconds_since(before, pids))
    return measured


async def _round(load: Load, askers: Sequence[Ask], way: Way) -> None:
    began = time.monotonic()
    async with asyncio.TaskGroup() as tasks:
        for number, ask in enumerate(askers):
            tasks.create_task(_ask_repeatedly(load, ask, load.spread_seconds * number / len(askers), way))
    way.seconds += time.monotonic() - began


async def _ask_repeatedly(load: Load, ask: Ask, begin_after_seconds: float, way: Way) -> None:
    await asyncio.sleep(begin_after_seconds)
    for _ in range(load.turns_each):
        way.answers.append(await ask(load.model))
