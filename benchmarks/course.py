"""The course of a run: warm up, measure each load and explain it, stop some answers, look at what is used while idle.

In: a running system and provider. Out: the figures of all that.
"""

import os
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from benchmarks.cpu import idle_cpu_share
from benchmarks.direct import Provider, provider_at
from benchmarks.figures import Spread, spread
from benchmarks.loads import Load
from benchmarks.people import Person, people
from benchmarks.processes import Program
from benchmarks.result import LoadFigures, Witnesses, figures_of
from benchmarks.rounds import Measured, measure
from benchmarks.spans import Clock, spans_of_turns
from benchmarks.stops import stop_times_ms
from benchmarks.system import System

STOPS = 100
STOPPERS = 4
IDLE_SECONDS = 3.0

Say = Callable[[str], None]
"""Tells the person in front of the screen what is going on."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run asks of a system."""

    warm_up: Sequence[Load]
    loads: Sequence[Load]

    @property
    def most_streams(self) -> int:
        return max(load.streams for load in self.loads)

    @property
    def warm_up_answers(self) -> int:
        return sum(load.turns for load in self.warm_up)

    @property
    def models(self) -> set[str]:
        """All that are asked."""
        return {load.model for load in (*self.warm_up, *self.loads)}


@dataclass(frozen=True, slots=True)
class Found:
    """What a run found out about a system."""

    loads: list[LoadFigures]
    stop_ms: Spread
    idle_cpu_share: dict[str, float]


@dataclass(frozen=True, slots=True)
class Course:
    """Who takes part."""

    system: System
    people: list[Person]
    provider: Provider
    say: Say
    clock: Clock

    async def run(self, plan: Plan) -> Found:
        """From warming up to the idle system."""
        self.say(f"warming up: {plan.warm_up_answers} answers")
        for load in plan.warm_up:
            await self._measure(load)
        loads = [await self._measure_and_explain(load) for load in plan.loads]
        self.say(f"stopping {STOPS} endless answers")
        stops = await stop_times_ms(self.people[:STOPPERS], self.provider, STOPS)
        self.say("watching what they use while idle")
        return Found(loads, spread(stops), await idle_cpu_share(self.system.pids, IDLE_SECONDS))

    async def _measure_and_explain(self, load: Load) -> LoadFigures:
        self.say(f"{load.title}: {load.turns} answers each way, in {load.rounds} alternating rounds")
        measured = await self._measure(load)
        turn_ids = [answer.turn_id for answer in measured.system.answers]
        spans = await spans_of_turns(self.system.trace_files, turn_ids)
        return figures_of(measured, Witnesses(spans, await self.provider.calls(), self.clock))

    async def _measure(self, load: Load) -> Measured:
        return await measure(load, self.people, self.provider, self.system.pids)


@asynccontextmanager
async def course(system: System, answering: Program, plan: Plan, say: Say) -> AsyncIterator[Course]:
    """With the benchmark itself and the provider `answering` among those whose CPU is counted."""
    pids = {**system.pids, "provider": [answering.pid], "benchmark": [os.getpid()]}
    all_of_it = System(system.edge_urls, pids, system.trace_files)
    async with (
        provider_at(answering.said["base_url"]) as provider,
        people(system.edge_urls, plan.most_streams) as someone,
    ):
        yield Course(all_of_it, someone, provider, say, Clock())
