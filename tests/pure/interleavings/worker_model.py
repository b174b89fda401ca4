"""A whole worker as it is put together in production, given models of the broker, the store and the provider."""

import asyncio
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, Self
from unittest.mock import patch

from consumers import claiming
from consumers.settings import WorkerSettings
from consumers.worker import Worker, WorkerParts
from observability.tracing import untraced
from producers.kafka_address import KafkaAddress
from schemas import codec
from tests.pure.interleavings.log_model import Group, ModelConsumer
from tests.pure.interleavings.world import World

TRACING = untraced()
MAX_ATTEMPTS = 2
"""Instead of 5: a short schedule reaches it."""


@dataclass(eq=False)
class SimulatedWorker:
    """One process: `is_frozen` like SIGSTOP, `is_dead` like SIGKILL."""

    name: str
    world: World
    group: Group
    is_frozen: bool = False
    is_dead: bool = False
    has_failed: bool = False
    is_draining: bool = False
    held_up: list[asyncio.Handle] = field(default_factory=list)
    heard: int = 0
    worker: Any = None
    frames: Any = None
    records: Any = None

    def __post_init__(self) -> None:
        self.hurry = asyncio.Event()
        self.consumer = ModelConsumer(self.group, self)

    @property
    def worker_id(self) -> str:
        return self.name

    def start(self, parts: WorkerParts, settings: WorkerSettings) -> None:
        NOW.world, NOW.consumer = self.world, self.consumer
        self.worker = worker = Worker(parts, settings, self.hurry)
        self.consumer.has_work = lambda: bool(worker._dispatcher.assignment.to_commit()) or self.is_draining
        worker._taking = self._spawn(self._take())
        worker._watching = self._spawn(worker._stop_taking.wait())
        worker._tasks = [worker._taking, worker._watching, self._spawn(worker._stop.wait())]

    def drain(self) -> None:
        self.is_draining = self.has_failed = True
        self._spawn(self._drain())

    def hear(self, value: bytes) -> None:
        self.worker._control.act_on(codec.decode_notice(value))

    def beat(self, counters: dict[str, int]) -> None:
        counters[self.worker_id] = counters.get(self.worker_id, 0) + 1

    def watch(self, counters: dict[str, int]) -> None:
        self.worker._liveness.observe(counters, self.world.loop.now)

    def _spawn(self, work: Any) -> "asyncio.Task[Any]":
        return self.world.loop.spawn(self, work)

    async def _take(self) -> None:
        await self.worker._requests.start()
        await self.worker._requests.run(self.worker._stop_taking)

    async def _drain(self) -> None:
        await self.worker.drain()
        self.is_dead = True


NOW = SimpleNamespace(world=None, consumer=None)
"""The simulation that is under way, for what production code reaches by module names."""


class _Metrics:
    """Counts what a worker says that happened; the rest of the metrics costs only time."""

    def claimed(self, kind: str, waited_seconds: float) -> None:
        NOW.world.seen[f"claimed as {kind}"] += 1

    def given_up(self, reason: str) -> None:
        NOW.world.seen[f"given up {reason}"] += 1

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *args, **kwargs: None


METRICS: Any = _Metrics()
KAFKA = KafkaAddress("nowhere:1")


class _Log:
    """A bug that a worker only logs is a breach all the same."""

    def info(self, event: str, **fields: object) -> None:
        NOW.world.seen[event] += 1

    warning = error = info

    def exception(self, event: str, **fields: object) -> None:
        NOW.world.seen[event] += 1
        if event != "closing_failed" and not NOW.world.is_over:
            NOW.world.bugs.append(f"{event}: {sys.exc_info()[1]!r}")


class _Tries:
    """Stamina's tries without its pauses: the schedule makes them."""

    def __init__(self, on: Any, attempts: int | None = 10, **pauses: object) -> None:
        self._on = on
        self._left = attempts
        self._is_over = False

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Self:
        if self._is_over:
            raise StopAsyncIteration
        return self

    def __enter__(self) -> None:
        self._left = None if self._left is None else self._left - 1

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> bool:
        self._is_over = error is None
        if error is not None:
            NOW.world.seen["unknown outcomes"] += 1
        return isinstance(error, self._on) and self._left != 0


CLOCK = SimpleNamespace(
    time=lambda: NOW.world.now, time_ns=lambda: int(NOW.world.now * 1e9), monotonic=lambda: NOW.world.loop.now
)


@contextmanager
def simulated_surroundings() -> Iterator[None]:
    """Production code gets the simulation's time, log, retries and consumer wherever it names its own."""
    modules = [module for name, module in sys.modules.items() if name.startswith("consumers.")]
    with ExitStack() as patches:
        for module in modules:
            if hasattr(module, "log"):
                patches.enter_context(patch.object(module, "log", _Log()))
            if hasattr(module, "stamina"):
                patches.enter_context(patch.object(module, "stamina", SimpleNamespace(retry_context=_Tries)))
            if getattr(module, "time", None) is time:
                patches.enter_context(patch.object(module, "time", CLOCK))
            if hasattr(module, "AIOKafkaConsumer"):
                patches.enter_context(patch.object(module, "AIOKafkaConsumer", lambda *args, **kwargs: NOW.consumer))
        patches.enter_context(patch.object(claiming, "MAX_ATTEMPTS", MAX_ATTEMPTS))
        yield
