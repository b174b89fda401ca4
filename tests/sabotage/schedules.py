"""What happens on a stage in a few seconds: plain talk, a stop, and the faults that some bugs need to show.

In: a stage with one worker. Out: turns asked, and what was done to them. Conditions are waited for, with a limit.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable

from infra.prove.settling import uncommitted
from tests.sabotage.stage import Stage, Turn, until_so

Schedule = Callable[[Stage], Awaitable[None]]

SHOWN_SECONDS = 30.0
COMMITTED_SECONDS = 3.0
TAKEN_OVER_SECONDS = 30.0
JOINED_SECONDS = 5.0
"""A worker that says it is ready has its partitions, and polls them several times in that time."""
PEOPLE = 6


async def talk(stage: Stage) -> None:
    """Three people ask and read."""
    await _asked(stage, ["brief"] * 3)


async def stop_midway(stage: Stage) -> None:
    """An answer is stopped that would go on for a quarter of a minute."""
    (turn,) = await _asked(stage, ["lengthy"])
    await _shown(turn, 200)
    await stage.stop(turn)


async def kill_midway(stage: Stage) -> None:
    """`kill -9` of the only worker in the middle of an answer, once it might have committed; it is started again."""
    (turn,) = await _asked(stage, ["middling"])
    await _shown(turn, 60)
    await _committed_within(stage, COMMITTED_SECONDS)
    stage.workers[0].kill()
    await until_so(lambda: not stage.workers[0].ready.is_set(), 5)


async def wake_a_zombie(stage: Stage) -> None:
    """A worker sleeps near the end of its answers, is taken for dead, and wakes up while its successor answers."""
    turns = []
    for _ in range(PEOPLE):
        turns.append(await stage.asked_by_somebody("middling"))
        await _shown(turns[-1], 120)
    await _shown(turns[0], 900)
    stage.workers[0].freeze()
    await stage.worker()
    await until_so(lambda: any(turn.handle.view.attempt > 1 for turn in turns), TAKEN_OVER_SECONDS)
    stage.workers[0].thaw()


async def join_midway(stage: Stage) -> None:
    """A second worker joins, and gets the records of answers that the first one is still at; then all are stopped."""
    turns = await _asked(stage, ["endless"] * PEOPLE)
    await asyncio.gather(*(_shown(turn, 30) for turn in turns))
    await stage.worker()
    await until_so(lambda: any(turn.handle.view.attempt > 1 for turn in turns), JOINED_SECONDS)
    for turn in turns:
        await stage.stop(turn)


async def _asked(stage: Stage, models: list[str]) -> list[Turn]:
    return await asyncio.gather(*(stage.asked_by_somebody(model) for model in models))


async def _shown(turn: Turn, characters: int) -> None:
    assert await until_so(lambda: turn.shows(characters), SHOWN_SECONDS), "the worker does not answer"


async def _committed_within(stage: Stage, seconds: float) -> None:
    """Or not at all: an honest worker commits nothing before the end."""
    until = time.monotonic() + seconds
    while await uncommitted(stage.stack.addresses.kafka_address()) != 0 and time.monotonic() < until:
        pass
