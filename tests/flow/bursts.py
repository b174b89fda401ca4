"""A burst of turns on workers whose provider takes few requests a second: one user's many, others' few, one user's one.

In: how many, and the rate. Out: what became of them (`Burst.outcome`), and who came before the single user.
"""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from consumers.llm.door import LlmDoor
from consumers.settings import WorkerSettings
from infra.practice_provider import PracticeProvider
from infra.practice_provider.calls import Ended
from schemas.frames import Delta
from schemas.headers import read_reply_headers
from schemas.ids import new_id, user_id_of
from schemas.models_file import read_models
from schemas.requests import Ask
from tests.flow.practice_models import entry
from tests.flow.topic_readers import TERMINAL_KINDS
from tests.flow.worker_stage import Stage, a_request, running_stage

GREEDY, ALONE = user_id_of("dev", "greedy"), user_id_of("dev", "alone")


@dataclass(frozen=True)
class Size:
    """`greedy` turns of one user and `others` of nine, at `rate` requests a second. Conversations have up to three."""

    greedy: int
    others: int
    rate: int

    @property
    def turns(self) -> int:
        return self.greedy + self.others + 1

    @property
    def model(self) -> str:
        return f"practice-8x20-rate{self.rate}"


@dataclass(frozen=True)
class Outcome:
    """`crowd_before`: how many of the greedy user's turns had ended before the single user's first word."""

    ends: Counter[str]
    seconds: float
    crowd_before: int
    refusals: int
    queued_frames: int
    out_of_order: int


@asynccontextmanager
async def bursting(folder: Path, provider: PracticeProvider, size: Size, workers: int = 1) -> AsyncIterator["Burst"]:
    """Workers, each with a broker of its own, before one provider. One that is idle says its first word first."""
    async with AsyncExitStack() as stack:
        stages = []
        for number in range(workers):
            door = LlmDoor(read_models({"model_list": [entry(provider, "fast", size.model)]}))
            await door.warm_up()
            settings = WorkerSettings(drain_seconds=2)
            (folder / str(number)).mkdir()
            stages.append(await stack.enter_async_context(running_stage(folder / str(number), door, settings)))
        yield Burst(stages, provider, size)


class Burst:
    """Asks, and waits for all ends."""

    def __init__(self, stages: Sequence[Stage], provider: PracticeProvider, size: Size) -> None:
        self.stages = stages
        self.provider = provider
        self.size = size
        self.asked: list[list[Ask]] = [[] for _ in stages]

    async def run(self) -> Outcome:
        first, alone = self.stages[0], a_request(user_id=ALONE)
        for stage in self.stages:
            await self.first_word(stage, a_request(user_id=ALONE))
        self.provider.calls.clear()
        began_at = time.monotonic()
        for request in [*greedy(self.size), *others(self.size)]:
            self.asked[hash(request.conversation_id) % len(self.stages)].append(request)
        await asyncio.gather(
            *(stage.write_at_once(asked) for stage, asked in zip(self.stages, self.asked, strict=True))
        )
        self.asked[0].append(alone)
        await self.first_word(first, alone)
        crowd_before = sum(map(self.ended_of_crowd, self.stages))
        for stage, asked in zip(self.stages, self.asked, strict=True):
            for request in asked:
                await stage.replies.end_of(request.turn_id, seconds=120)
        assert sum(map(self.ended_of_crowd, self.stages)) == self.size.greedy
        return self.outcome(time.monotonic() - began_at, crowd_before)

    async def first_word(self, stage: Stage, request: Ask) -> None:
        """Asks; returns when the first delta can be read."""
        await stage.write_at_once([request])
        await stage.replies.frame_of(request.turn_id, Delta)

    def ended_of_crowd(self, stage: Stage) -> int:
        """How many of the greedy user's turns have ended so far."""
        ended = [record for record in stage.replies.records if self.kind(record) in TERMINAL_KINDS]
        return sum(record.key == GREEDY.encode() for record in ended)

    def outcome(self, seconds: float, crowd_before: int) -> Outcome:
        kinds = Counter(self.kind(record) for stage in self.stages for record in stage.replies.records)
        refused = sum(call.ended is Ended.REFUSED for call in self.provider.calls.newest_last())
        ends = Counter({kind: count for kind, count in kinds.items() if kind in TERMINAL_KINDS})
        return Outcome(
            ends - Counter(completed=len(self.stages)),
            seconds,
            crowd_before,
            refused,
            kinds["queued"],
            sum(map(out_of_order, self.stages, self.asked)),
        )

    def kind(self, record: object) -> str:
        return read_reply_headers(record.headers).kind  # type: ignore[attr-defined]


def greedy(size: Size) -> list[Ask]:
    """One user's; every fourth conversation has three turns."""
    return conversations(GREEDY, size.greedy)


def others(size: Size) -> list[Ask]:
    shares = [size.others // 9 + (number < size.others % 9) for number in range(9)]
    return [ask for number, count in enumerate(shares) for ask in conversations(user_id_of("dev", f"u{number}"), count)]


def conversations(user_id: str, count: int) -> list[Ask]:
    asks: list[Ask] = []
    while len(asks) < count:
        turns, conversation_id = (3 if len(asks) % 6 == 0 else 1), new_id()
        asks += [a_request(user_id=user_id, conversation_id=conversation_id) for _ in range(turns)]
    return asks[:count]


def out_of_order(stage: Stage, asked: Sequence[Ask]) -> int:
    """Turns that started before the one before them in their conversation had ended."""
    started: dict[str | None, int] = {}
    ended: dict[str | None, int] = {}
    for number, record in enumerate(stage.replies.records):
        headers = read_reply_headers(record.headers)
        if headers.kind == "started":
            started.setdefault(headers.turn_id, number)
        elif headers.kind in TERMINAL_KINDS:
            ended[headers.turn_id] = number
    before: dict[str, Ask] = {}
    wrong = 0
    for request in asked:
        earlier = before.get(request.conversation_id)
        wrong += earlier is not None and ended[earlier.turn_id] > started[request.turn_id]
        before[request.conversation_id] = request
    return wrong
