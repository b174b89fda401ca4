"""Everything that a scenario brings together, and what may befall it: workers, log, store, and an edge that stops."""

import asyncio
from dataclasses import dataclass
from functools import cache
from typing import Any, cast

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
from tests.pure.interleavings.log_model import Group, ModelWriter, RequestLog
from tests.pure.interleavings.provider_model import ModelDoor
from tests.pure.interleavings.scenario import USER, Scenario
from tests.pure.interleavings.store_model import ModelCheckpoints, ModelHeartbeats, ModelHistory, ModelTurns
from tests.pure.interleavings.worker_model import KAFKA, METRICS, NOW, TRACING, SimulatedWorker
from tests.pure.interleavings.world import Operation, World


@cache
def _settings(max_running: int, turn_seconds: float) -> WorkerSettings:
    return WorkerSettings(
        max_running=max_running, turn_seconds=turn_seconds, dead_after_seconds=3.0, drain_seconds=2.0, merge_ms=40
    )


@dataclass
class Store:
    """What a worker keeps, and where it looks things up."""

    turns: ModelTurns
    checkpoints: ModelCheckpoints
    heartbeats: ModelHeartbeats
    messages: ModelHistory
    conversations: ModelHistory


class Cluster:
    """`ghosts`: what the kernels of the dead had of their records. It may still arrive."""

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self.world = NOW.world = World()
        self.checks = Checks(self.world, scenario.turn_seconds, self._has_failed)
        self.log = self.checks.log = RequestLog(scenario.partitions, self.checks.on_commit)
        self.group = Group(self.world, self.log)
        self.store = self._new_store()
        self.workers: list[SimulatedWorker] = []
        self.ghosts: list[ModelWriter] = []
        self.sent = 0
        self._door = ModelDoor(self.world, self.checks, scenario)

    def _new_store(self) -> Store:
        turns = ModelTurns(self.world, self.checks.name_of, self.checks.on_write)
        self.checks.rows = turns.rows
        history = ModelHistory(self.world)
        return Store(turns, ModelCheckpoints(self.world), ModelHeartbeats(self.world), history, history)

    def awake(self) -> list[SimulatedWorker]:
        return [each for each in self.workers if not each.is_frozen and not each.is_dead]

    def is_all_done(self) -> bool:
        """All that was sent has been shown its end, and is committed."""
        all_ended = all(turn.view.has_ended for turn in self.checks.turns.values())
        return all_ended and self.log.committed == [len(records) for records in self.log.records]

    # Questions and stops

    def send_next(self) -> None:
        self.sent += 1
        self.send_again()

    def send_again(self) -> None:
        """The newest question; one that the log has already is a repeat of the same turn."""
        number = self.sent - 1
        send = self.scenario.sends[number]
        turn_id = turn_id_of(USER, send.conversation_id, str(number))
        self.checks.accept(turn_id, send)
        ask = Ask(
            user_id=USER,
            conversation_id=send.conversation_id,
            turn_id=turn_id,
            request_id=str(number),
            text=self.checks.name_of(turn_id),
            model="fast",
            on_busy="interrupt" if send.interrupts else "queue",
            accepted_at="2026-01-01T00:00:00Z",
        )
        self.log.append(send.conversation % self.scenario.partitions, codec.encode(ask), turn_id)

    def stop(self, turn_id: str) -> None:
        self.checks.stopped.add(turn_id)
        self.world.loop.spawn(None, self._ask_to_stop(turn_id))

    async def _ask_to_stop(self, turn_id: str) -> None:
        """As an edge does it: a notice, into the row, a notice again."""
        turns, send = self.store.turns, self.checks.turns[turn_id].send
        self.checks.notices.append(codec.encode(StopAsked(turn_id=turn_id)))
        row = await until_it_works(turns.load, turn_id)
        while row is None or not (row.is_ended or row.stop):
            blank = TurnRow(turn_id=turn_id, user_id=USER, conversation_id=send.conversation_id, version=0)
            wanted = msgspec.structs.replace(row or blank, stop=True, version=(row.version if row else 0) + 1)
            version = row.version if row else None
            row = await until_it_works(turns.compare_and_set, wanted, version) or wanted
        if not row.is_ended:
            self.checks.notices.append(codec.encode(StopAsked(turn_id=turn_id)))

    def hear(self, worker: SimulatedWorker) -> None:
        worker.heard += 1
        worker.hear(self.checks.notices[worker.heard - 1])

    # Workers come and go

    def join(self) -> None:
        worker = SimulatedWorker(f"w{len(self.workers)}", self.world, self.group)
        worker.frames, worker.records = self._writer_of(worker), self._writer_of(worker)
        worker.heard = len(self.checks.notices)
        parts = WorkerParts(
            worker_id=worker.worker_id,
            kafka=KAFKA,
            fetch_wait_ms=500,
            store=self.store,
            frames=cast(Any, worker.frames),
            records=cast(Any, worker.records),
            door=self._door,
            tracing=TRACING,
            metrics=METRICS,
        )
        self.workers.append(worker)
        settings = _settings(self.scenario.max_running, self.scenario.turn_seconds)
        worker.start(parts, settings)
        self.world.loop.run_ready()

    def _writer_of(self, worker: SimulatedWorker) -> ModelWriter:
        return ModelWriter(self.world, worker, self.checks.on_submit, self.checks.on_record)

    def join_and_share(self) -> None:
        self.join()
        self.group.share_out(0)

    def kill(self, worker: SimulatedWorker) -> None:
        """What it had asked for, and what its kernel had of its records, may still arrive."""
        worker.is_dead = worker.has_failed = True
        worker.is_frozen = False
        self.world.abandon(worker)
        self.group.members = [each for each in self.group.members if each.owner is not worker]
        self.ghosts += [worker.frames, worker.records]

    def freeze(self, worker: SimulatedWorker) -> None:
        worker.is_frozen = worker.has_failed = True

    def thaw(self, worker: SimulatedWorker) -> None:
        worker.is_frozen = False
        self.world.loop.thaw(worker)

    def arrive_late(self, operation: Operation) -> None:
        self.world.adrift.remove(operation)
        operation.apply()

    def pass_time(self) -> None:
        """A second: timers fire, and whoever is awake beats and watches the others."""
        self.world.loop.pass_time(1.0)
        counters, awake = self.store.heartbeats.counters, self.awake()
        for worker in awake:
            worker.beat(counters)
        for worker in awake:
            worker.watch(dict(counters))

    def _has_failed(self, worker_id: str) -> bool:
        return any(each.worker_id == worker_id and each.has_failed for each in self.workers)

    def end(self) -> None:
        """Nothing of it runs on."""
        self.world.is_over = True
        self.world.loop.end()
        asyncio._set_running_loop(None)
