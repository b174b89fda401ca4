"""One run: a schedule of bytes decides, at each step, what happens next; then all goes quiet, and one worker is left.

A small byte lets something go on that was under way; a large one lets something go wrong, while faults are left.
After the schedule every worker but one dies, frozen ones wake up at the very end, and everything must be as promised.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import msgspec

from consumers.patience import until_it_works
from consumers.settings import WorkerSettings
from consumers.worker import WorkerParts
from schemas import codec
from schemas.control import StopAsked
from schemas.ids import turn_id_of
from schemas.requests import Ask
from store.rows import TurnRow
from tests.pure.interleavings.checks import Checks
from tests.pure.interleavings.log_model import Group, ModelConsumer, ModelWriter, RequestLog
from tests.pure.interleavings.scenario import USER, Scenario
from tests.pure.interleavings.store_model import ModelCheckpoints, ModelHeartbeats, ModelHistory, ModelTurns
from tests.pure.interleavings.worker_model import (
    KAFKA,
    METRICS,
    NOW,
    TRACING,
    ModelDoor,
    SimulatedWorker,
)
from tests.pure.interleavings.world import World

FAULTS_FROM = 200
"""Bytes from here on let something go wrong."""
QUIET_SECONDS = 90
MAX_QUIET_STEPS = 4_000
Action = tuple[str, Callable[[], object]]


@cache
def _settings(max_running: int, turn_seconds: float) -> WorkerSettings:
    return WorkerSettings(
        max_running=max_running, turn_seconds=turn_seconds, dead_after_seconds=3.0, drain_seconds=2.0, merge_ms=40
    )


class Broken(AssertionError):
    """Something promised does not hold. The message says what, and every step that led there."""


@dataclass
class Store:
    """What a worker keeps, and where it looks things up."""

    turns: ModelTurns
    checkpoints: ModelCheckpoints
    heartbeats: ModelHeartbeats
    messages: ModelHistory
    conversations: ModelHistory


class Simulation:
    """Everything that a scenario brings together."""

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self.world = World()
        NOW.world = self.world
        self.checks = Checks(self.world, scenario.turn_seconds, self._has_failed)
        self.log = self.checks.log = RequestLog(scenario.partitions, self.checks.on_commit)
        self.group = Group(self.world, self.log)
        self.workers: list[SimulatedWorker] = []
        self.ghosts: list[ModelWriter] = []
        self._schedule = iter(scenario.schedule)
        self._faults_left = scenario.faults
        self._sent = 0
        self._stops: set[str] = set()
        self._store = self._new_store()
        self._door = ModelDoor(self.world, self.checks, scenario.max_running)
        self._settings = _settings(scenario.max_running, scenario.turn_seconds)

    def _new_store(self) -> Store:
        turns = ModelTurns(self.world, self.checks.name_of, self.checks.on_write)
        self.checks.rows = turns.rows
        history = ModelHistory(self.world)
        return Store(turns, ModelCheckpoints(self.world), ModelHeartbeats(self.world), history, history)

    # A run

    def run(self) -> None:
        """Raises Broken."""
        asyncio._set_running_loop(self.world.loop)
        try:
            self._begin()
            while self._step():
                pass
            self._leave_one_worker()
            self._go_quiet()
            self._wake_the_frozen()
            self._go_quiet()
            self.checks.at_the_end()
            self._raise_if_broken()
        finally:
            self.world.is_over = True
            self.world.loop.end()
            asyncio._set_running_loop(None)

    def _begin(self) -> None:
        for _ in range(self.scenario.workers):
            self._join()
        self.world.loop.run_ready()
        self.group.share_out(0)
        self._settle()

    def _step(self) -> bool:
        """The next byte's choice. False at the end of the schedule."""
        byte = next(self._schedule, None)
        if byte is None:
            return False
        actions = self._faults() if byte >= FAULTS_FROM and self._faults_left else []
        if actions:
            self._faults_left -= 1
            choice = next(self._schedule, 0)
        else:
            actions, choice = self._progress(), byte
        if len(actions) > 1 or not self._is_all_done():
            self._act(*actions[choice % len(actions)])
        return True

    def _act(self, label: str, action: Callable[[], object]) -> None:
        self.world.trace.append(label)
        action()
        self._settle()

    def _settle(self) -> None:
        self.world.loop.run_ready()
        self._raise_if_broken()

    def _raise_if_broken(self) -> None:
        problems = self.world.bugs + self.world.loop.troubles
        if problems:
            steps = "\n  ".join(self.world.trace)
            raise Broken(f"{'; '.join(problems)}\n{self.scenario}\nsteps:\n  {steps}")

    def _go_quiet(self) -> None:
        """Until nothing more can happen, or, with a clock that goes on, nothing more does."""
        quiet_since = self.world.loop.now
        for _ in range(MAX_QUIET_STEPS):
            label, action = self._progress()[0]
            if label == "time passes" and (self._is_all_done() or self.world.loop.now - quiet_since > QUIET_SECONDS):
                return
            self._act(label, action)
        self.checks.bug("it never goes quiet")

    def _is_all_done(self) -> bool:
        all_ended = all(turn.view.has_ended for turn in self.checks.turns.values())
        return all_ended and self.log.committed == [len(records) for records in self.log.records]

    # What may happen next

    def _progress(self) -> list[Action]:
        """What is under way, the oldest first, and at last: time."""
        world = self.world
        happening = [each for each in world.under_way if each.can_happen]
        actions: list[Action] = [(each.label, partial(world.carry_out, each)) for each in happening]
        for worker in self._awake():
            told = f"the broker takes from {worker.name}"
            actions += [(told, each.deliver) for each in (worker.frames, worker.records) if each.waiting]
            if worker.heard < len(self.checks.notices):
                actions.append((f"{worker.name} hears a notice", partial(self._hear, worker)))
        if self._sent < len(self.scenario.sends):
            actions.append(("the next question", self._send))
        actions.append(("time passes", self._pass_time))
        return actions

    def _faults(self) -> list[Action]:
        world, awake = self.world, self._awake()
        actions: list[Action] = []
        for each in world.under_way:
            if each.fails_with is not None and each.can_happen:
                actions.append((f"unknown, not yet applied: {each.label}", partial(world.leave_unknown, each, False)))
                actions.append((f"unknown, but applied: {each.label}", partial(world.leave_unknown, each, True)))
        actions += [(f"late: {each.label}", partial(self._arrive_late, each)) for each in world.adrift]
        actions += [
            (f"sent twice by {writer.owner.name}", partial(writer.deliver_unacknowledged, 2))
            for writer in self._writers()
            if writer.waiting
        ]
        actions += [(f"late of {ghost.owner.name}", ghost.deliver) for ghost in self.ghosts if ghost.waiting]
        for worker in awake:
            actions.append((f"{worker.name} dies", partial(self._kill, worker)))
            actions.append((f"{worker.name} freezes", partial(self._freeze, worker)))
            if not worker.is_draining:
                actions.append((f"{worker.name} drains", worker.drain))
        actions += [(f"{each.name} wakes up", partial(self._thaw, each)) for each in self.workers if each.is_frozen]
        actions += [("rebalance", partial(self.group.share_out, turn)) for turn in (1, 2)]
        if len(self.workers) < 5:
            actions.append(("a worker joins", self._join_and_share))
        actions += [
            (f"stop {turn.name}", partial(self._stop, turn.turn_id))
            for turn in self.checks.turns.values()
            if turn.turn_id not in self._stops
        ]
        if self._sent:
            actions.append(("the last question again", partial(self._produce, self._sent - 1)))
        return actions

    def _writers(self) -> list[ModelWriter]:
        return [writer for each in self._awake() for writer in (each.frames, each.records)]

    def _awake(self) -> list[SimulatedWorker]:
        return [each for each in self.workers if not each.is_frozen and not each.is_dead]

    # Questions and stops

    def _send(self) -> None:
        self._sent += 1
        self._produce(self._sent - 1)

    def _produce(self, number: int) -> None:
        send, request_id = self.scenario.sends[number], str(number)
        turn_id = turn_id_of(USER, send.conversation_id, request_id)
        self.checks.accept(turn_id, send)
        ask = Ask(
            user_id=USER,
            conversation_id=send.conversation_id,
            turn_id=turn_id,
            request_id=request_id,
            text=self.checks.name_of(turn_id),
            model="fast",
            on_busy="interrupt" if send.interrupts else "queue",
            accepted_at="2026-01-01T00:00:00Z",
        )
        self.log.append(send.conversation % self.scenario.partitions, codec.encode(ask), turn_id)

    def _stop(self, turn_id: str) -> None:
        self._stops.add(turn_id)
        self.world.loop.spawn(None, self._ask_to_stop(turn_id))

    async def _ask_to_stop(self, turn_id: str) -> None:
        """As an edge does it: into the row, then a notice."""
        turns, send = self._store.turns, self.checks.turns[turn_id].send
        row = await until_it_works(turns.load, turn_id)
        while row is None or not (row.is_ended or row.stop):
            blank = TurnRow(turn_id=turn_id, user_id=USER, conversation_id=send.conversation_id, version=0)
            wanted = msgspec.structs.replace(row or blank, stop=True, version=(row.version if row else 0) + 1)
            version = row.version if row else None
            row = await until_it_works(turns.compare_and_set, wanted, version) or wanted
        if not row.is_ended:
            self.checks.notices.append(codec.encode(StopAsked(turn_id=turn_id)))

    def _hear(self, worker: SimulatedWorker) -> None:
        worker.heard += 1
        worker.hear(self.checks.notices[worker.heard - 1])

    # Workers come and go

    def _join(self) -> None:
        name = f"w{len(self.workers)}"
        worker: Any = SimulatedWorker(name, self.world, *(None, None, None))  # type: ignore[arg-type]
        worker.consumer = ModelConsumer(self.group, worker)
        worker.frames = ModelWriter(self.world, worker, self.checks.on_submit, self.checks.on_record)
        worker.records = ModelWriter(self.world, worker, self.checks.on_submit, self.checks.on_record)
        worker.heard = len(self.checks.notices)
        parts = WorkerParts(
            worker.worker_id,
            KAFKA,
            500,
            self._store,
            worker.frames,
            worker.records,
            self._door,
            TRACING,
            metrics=METRICS,
        )
        self.workers.append(worker)
        worker.start(parts, self._settings)

    def _join_and_share(self) -> None:
        self._join()
        self.world.loop.run_ready()
        self.group.share_out(0)

    def _has_failed(self, worker_id: str) -> bool:
        return any(each.worker_id == worker_id and each.has_failed for each in self.workers)

    def _kill(self, worker: SimulatedWorker) -> None:
        """What it had asked for, and what its kernel had of its frames, may still arrive."""
        worker.is_dead = worker.has_failed = True
        worker.is_frozen = False
        self.world.abandon(worker)
        self.group.members = [each for each in self.group.members if each.owner is not worker]
        self.ghosts += [worker.frames, worker.records]

    def _freeze(self, worker: SimulatedWorker) -> None:
        worker.is_frozen = worker.has_failed = True

    def _thaw(self, worker: SimulatedWorker) -> None:
        worker.is_frozen = False
        self.world.loop.thaw(worker)

    def _arrive_late(self, operation: Any) -> None:
        self.world.adrift.remove(operation)
        operation.apply()

    def _pass_time(self) -> None:
        """A second: timers fire, and whoever is awake beats and watches the others."""
        self.world.loop.pass_time(1.0)
        counters = self._store.heartbeats.counters
        for worker in self._awake():
            worker.beat(counters)
        for worker in self._awake():
            worker.watch(dict(counters))

    # The end

    def _leave_one_worker(self) -> None:
        able = [each for each in self._awake() if not each.is_draining]
        for worker in self._awake():
            if worker not in able[:1]:
                self._act(f"{worker.name} dies", partial(self._kill, worker))
        if not able:
            self._act("a worker joins", self._join)
        self._act("rebalance", partial(self.group.share_out, 0))

    def _wake_the_frozen(self) -> None:
        for worker in [each for each in self.workers if each.is_frozen]:
            self._act(f"{worker.name} wakes up", partial(self._thaw, worker))
        self._go_quiet()
        self._act("rebalance", partial(self.group.share_out, 1))
