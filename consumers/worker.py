"""One worker: its parts put together, running until it is drained.

async with running_worker(parts, settings) as worker:
    await worker.failed_or(stop)          # until a signal, or until one of its tasks broke
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Protocol

import structlog

from consumers.answering import Answering, Steps
from consumers.beginning import Beginner, BeginnerParts, ModelFacts
from consumers.claimer import Claimer, ClaimerSettings, Turns
from consumers.control_listener import ControlListener
from consumers.dispatching import Dispatcher, Settle
from consumers.finishing import Books, ConversationWriter, Finisher, MessageWriter
from consumers.heartbeat import Heart, Heartbeats
from consumers.history import History, Messages
from consumers.interrupting import Interrupter
from consumers.liveness import READ_INTERVAL_SECONDS, Liveness
from consumers.request_listener import ListenerSettings, RequestListener
from consumers.running_turns import RunningTurns
from consumers.settings import WorkerSettings
from consumers.streaming import Checkpoints, Door
from consumers.tails import Tails
from consumers.waiting_turns import Gated, WaitingParts, WaitingTurns
from consumers.watchdog import Watchdog
from consumers.worker_health import bring_checks
from consumers.worker_numbers import NumbersOfWorker
from observability.health import Health
from observability.tracing import Tracing
from observability.worker_metrics import WorkerMetrics
from producers.kafka_address import KafkaAddress
from producers.kafka_writer import KafkaWriter
from producers.notice_producers import ControlProducer, DeadLetterProducer, UsageProducer
from producers.reply_producer import ReplyProducer

log = structlog.get_logger(__name__)

RELEASE_SECONDS = 2.0
CLOSE_SECONDS = 5.0
BEATS_BEFORE_DEATH = 5


class ModelDoor(Door, ModelFacts, Gated, Protocol):
    """The door to the models, what must be known of them, and when they may be asked."""


class MessageStore(Messages, MessageWriter, Protocol):
    """Messages, read and written."""


class ConversationStore(ConversationWriter, Protocol):
    """Conversations, read and written."""


class WorkerStore(Protocol):
    """What a worker keeps, and where it looks things up."""

    @property
    def turns(self) -> Turns: ...
    @property
    def checkpoints(self) -> Checkpoints: ...
    @property
    def heartbeats(self) -> Heartbeats: ...
    @property
    def messages(self) -> MessageStore: ...
    @property
    def conversations(self) -> ConversationStore: ...


@dataclass(frozen=True, slots=True)
class WorkerParts:
    """What the composition root provides. `frames` writes replies; `records` writes everything else (K18)."""

    worker_id: str
    kafka: KafkaAddress
    fetch_wait_ms: int
    store: WorkerStore
    frames: KafkaWriter
    records: KafkaWriter
    door: ModelDoor
    tracing: Tracing
    settle: Settle | None = None
    metrics: WorkerMetrics = field(default_factory=WorkerMetrics)
    health: Health = field(default_factory=Health)


class Worker:
    """A running worker."""

    def __init__(self, parts: WorkerParts, settings: WorkerSettings, hurry: asyncio.Event) -> None:
        self._settings = settings
        self._hurry = hurry
        self._stop_taking = asyncio.Event()
        self._stop = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._running = RunningTurns()
        beat_seconds = min(READ_INTERVAL_SECONDS, settings.dead_after_seconds / BEATS_BEFORE_DEATH)
        self._liveness = Liveness(settings.dead_after_seconds, beat_seconds)
        self._history = History(parts.store.messages, parts.store.conversations, Tails())
        self._heart = Heart(parts.worker_id, parts.store.heartbeats, self._liveness, beat_seconds)
        self._interrupter = Interrupter(parts.store.turns, ControlProducer(parts.records), self._running)
        self._dispatcher = Dispatcher(
            self._answering(parts).answer,
            self._running,
            settings.max_running,
            parts.settle,
            self._interrupter.begin,
            settings.max_running_per_user,
        )
        self._control = ControlListener(parts.kafka, parts.fetch_wait_ms, self._running, self._history)
        self._requests = RequestListener(
            self._listening(parts),
            self._dispatcher,
            DeadLetterProducer(parts.records),
            self._history,
            self._running,
        )
        self._watchdog = Watchdog(self._requests.progress, settings.stuck_seconds)
        parts.metrics.read_from(NumbersOfWorker(self._dispatcher, self._running, self._requests, self._watchdog))
        bring_checks(parts.health, self._watchdog, self._requests, self._heart, self._stop_taking)

    @property
    def is_ready(self) -> bool:
        """True while it takes requests."""
        is_alive = bool(self._tasks) and not any(task.done() for task in self._tasks)
        return is_alive and self._requests.assigned_partitions > 0 and not self._requests.is_behind_the_times

    async def failed_or(self, event: asyncio.Event) -> None:
        """Waits for `event`. Raises what broke one of the worker's own tasks: a bug stops the process loudly, and
        WorkerStuck one that makes no progress.
        """
        waiting = asyncio.create_task(_wait_for(event))
        try:
            done, _ = await asyncio.wait({waiting, *self._tasks}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            waiting.cancel()
        for task in done - {waiting}:
            task.result()

    async def start(self, getting_ready: Callable[[], Awaitable[None]]) -> None:
        """Gets ready, joins the group, takes requests. It beats, and watches who else does, from the beginning: a group
        that has just lost a worker may give it that one's turns, and it has to know by then that nobody holds them.
        """
        self._tasks = [asyncio.create_task(self._heart.run(self._stop), name="worker-heart")]
        try:
            await getting_ready()
            await self.failed_or(self._heart.is_heard)  # without a store it could end no turn: others may take them
            await self._control.start()
            await self._requests.start()
        except BaseException:
            await _end(self._tasks, 0)
            raise
        self._taking = asyncio.create_task(self._requests.run(self._stop_taking), name="worker-requests")
        self._watching = asyncio.create_task(self._watchdog.run(self._stop_taking), name="worker-watchdog")
        controlling = asyncio.create_task(self._control.run(self._stop), name="worker-control")
        self._tasks += [self._taking, controlling, self._watching]

    async def drain(self) -> None:
        """Leaves the group, so that others take what waits at once, while what runs ends or is given back; then leaves.

        All within `drain_seconds`, RELEASE_SECONDS and two times CLOSE_SECONDS, whatever does not answer.
        """
        self._dispatcher.start_no_more()
        self._stop_taking.set()
        leaving = asyncio.create_task(self._leave_group())
        await self._dispatcher.drain(self._settings.drain_seconds, RELEASE_SECONDS, self._hurry)
        await leaving
        self._stop.set()
        await _end(self._tasks, CLOSE_SECONDS / 2)
        closes = (self._interrupter.close, self._control.close, self._heart.leave)
        await asyncio.gather(*(_attempt(close, CLOSE_SECONDS / 2) for close in closes))

    async def _leave_group(self) -> None:
        await _end([self._taking, self._watching], CLOSE_SECONDS / 2)
        await _attempt(self._requests.close, CLOSE_SECONDS / 2)

    def _listening(self, parts: WorkerParts) -> ListenerSettings:
        return ListenerSettings(
            parts.kafka,
            client_id=f"worker-{parts.worker_id}",
            fetch_wait_ms=parts.fetch_wait_ms,
            session_ms=int(self._settings.session_seconds * 1000),
            max_waiting=self._settings.max_waiting,
        )

    def _answering(self, parts: WorkerParts) -> Answering:
        store, replies = parts.store, ReplyProducer(parts.frames)
        books = Books(store.turns, store.messages, store.conversations, replies, UsageProducer(parts.records))
        return Answering(
            Steps(
                beginner=self._beginner(parts, replies),
                finisher=Finisher(books),
                door=parts.door,
                waiting=self._waiting(parts, replies),
                checkpoints=store.checkpoints,
                running=self._running,
                tracing=parts.tracing,
                turn_seconds=self._settings.turn_seconds,
                metrics=parts.metrics,
            )
        )

    def _waiting(self, parts: WorkerParts, replies: ReplyProducer) -> WaitingTurns:
        settings = self._settings
        return WaitingTurns(
            WaitingParts(
                parts.door, replies.publish, parts.metrics, settings.turn_seconds, settings.provider_down_seconds
            )
        )

    def _beginner(self, parts: WorkerParts, replies: ReplyProducer) -> Beginner:
        claiming = ClaimerSettings(parts.worker_id, self._settings.turn_seconds)
        control = ControlProducer(parts.records)
        return Beginner(
            BeginnerParts(
                claimer=Claimer(claiming, parts.store.turns, control, self._liveness.is_dead),
                history=self._history,
                models=parts.door,
                checkpoints=parts.store.checkpoints,
                replies=replies,
                merge_seconds=self._settings.merge_ms / 1000,
            )
        )


@asynccontextmanager
async def running_worker(
    parts: WorkerParts,
    settings: WorkerSettings,
    hurry: asyncio.Event | None = None,
    getting_ready: Callable[[], Awaitable[None]] | None = None,
) -> AsyncIterator[Worker]:
    """A started worker; leaving the block drains it, without waiting for what runs once `hurry` is set.

    `getting_ready`: what has to be done before it takes requests, and takes long.
    """
    worker = Worker(parts, settings, hurry or asyncio.Event())
    await worker.start(getting_ready or _nothing)
    try:
        yield worker
    finally:
        await worker.drain()


async def _nothing() -> None:
    pass


async def _wait_for(event: asyncio.Event) -> None:
    await event.wait()


async def _end(tasks: Sequence[asyncio.Task[None]], within_seconds: float) -> None:
    """Tasks that were told to stop. With the broker away one may wait for it for ever."""
    await asyncio.wait(tasks, timeout=within_seconds)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _attempt(close: Callable[[], Awaitable[None]], within_seconds: float) -> None:
    try:
        async with asyncio.timeout(within_seconds):
            await close()
    except Exception:  # the process ends: whatever fails now must not keep the rest from being closed
        log.exception("closing_failed")
