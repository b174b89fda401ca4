"""Step 3: requests are polled in one task for the process's whole life, and handed to the dispatcher (K6-K11, K14).

Offsets are committed here and nowhere else: the contiguous prefix of turns whose rows are ended.
"""

import asyncio
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from aiokafka.errors import InvalidSessionTimeoutError, KafkaError

from consumers.dispatching import Dispatcher, Job
from consumers.history import History
from consumers.offsets import OffsetTracker
from consumers.request_progress import RequestProgress
from consumers.running_turns import RunningTurns
from consumers.settings import UnusableSetting
from consumers.taking import Poison, TakenRequest, headers_of, read_record, source_of
from producers.consumer_closing import close_consumer
from producers.consumer_starting import start_consumer
from producers.errors import RecordRefused
from producers.kafka_address import KafkaAddress
from producers.notice_producers import DeadLetterProducer
from schemas.codec import NewerVersion
from schemas.requests import VERSION as REQUEST_VERSION
from schemas.topics import REQUESTS, WORKERS_GROUP

log = structlog.get_logger(__name__)

POLL_MS = 200
COMMIT_SECONDS = 0.5
COMMIT_TIMEOUT_SECONDS = 3.0
MAX_HELD_CHARACTERS = 16 * 1024 * 1024
"""Of questions, waiting and running: what a worker's memory is bounded by, beside their number."""
RESUME_SHARE = 0.5
MOST_HEARTBEAT_MS = 1_000
"""The answer to a heartbeat is also how a member hears of a rebalance, and all wait for the last one to hear (K1)."""
HEARTBEATS_IN_A_SESSION = 6


@dataclass(frozen=True, slots=True)
class ListenerSettings:
    """How to take requests. `fetch_wait_ms`: how long the broker may hold an empty fetch; `session_ms`: how long it
    waits for a silent worker before it gives its partitions to others; `newest_version`: of requests that are read.
    """

    kafka: KafkaAddress
    client_id: str
    group: str = WORKERS_GROUP
    fetch_wait_ms: int = 500
    session_ms: int = 8_000
    max_waiting: int = 10_000
    newest_version: int = REQUEST_VERSION

    @property
    def heartbeat_ms(self) -> int:
        """The pause between two words to the broker."""
        return min(self.session_ms // HEARTBEATS_IN_A_SESSION, MOST_HEARTBEAT_MS)


class RequestListener:
    """Polls until told to stop. `is_behind_the_times`: a newer edge wrote records that this program can't read: it has
    left the group, for an upgraded worker to take them, and all else that waits (DESIGN 5).
    """

    def __init__(
        self,
        settings: ListenerSettings,
        dispatcher: Dispatcher,
        dead_letters: DeadLetterProducer,
        history: History,
        running: RunningTurns,
    ) -> None:
        self._settings = settings
        self._dispatcher = dispatcher
        self._dead_letters = dead_letters
        self._consumer = _new_consumer(settings)
        self.progress = RequestProgress(self._consumer, dispatcher.assignment)
        self._rebalances = _Rebalances(self, history, running)
        self._is_paused = False
        self.dead_letters = 0
        self._last_commit_at = 0.0
        self.is_behind_the_times = False

    async def start(self) -> None:
        """Joins the group. Building and starting are one step, or the member may be stuck for good (K7).

        Raises UnusableSetting, and so does `run`.
        """
        self._consumer.subscribe([REQUESTS.name], listener=self._rebalances)
        with self._session_agreed():
            await start_consumer(self._consumer)

    async def run(self, stop: asyncio.Event) -> None:
        """Polls, dispatches and commits until `stop` is set; `getmany` is never cancelled (K6)."""
        while not stop.is_set():
            with self._session_agreed():
                batches = await self._consumer.getmany(timeout_ms=POLL_MS, max_records=500)
            self.progress.polled(batches.keys())
            # The assignment may change while an earlier batch is taken: what was polled belongs to the one of now.
            trackers = {partition: self._dispatcher.assignment.tracker(partition) for partition in batches}
            for partition, records in batches.items():
                await self._take_all(partition, records, trackers[partition])
            if self.is_behind_the_times:
                self._dispatcher.start_no_more()
                await self.close()
                await stop.wait()
                return
            self._pause_or_resume()
            await self._commit_now_and_then()

    async def close(self) -> None:
        """Commits what is finished and leaves the group, once."""
        if self.progress.has_left:
            return
        await self.commit()
        self.on_parted(self._consumer.assignment())
        self.progress.left()
        await close_consumer(self._consumer)

    @contextmanager
    def _session_agreed(self) -> Iterator[None]:
        try:
            yield
        except InvalidSessionTimeoutError as error:
            raise UnusableSetting(
                f"the broker refuses a session of {self._settings.session_ms / 1000:g} s: change "
                "SAMVAD_SESSION_SECONDS, or its group.min.session.timeout.ms and group.max.session.timeout.ms"
            ) from error

    @property
    def assigned_partitions(self) -> int:
        return len(self._consumer.assignment())

    async def commit(self) -> None:
        """Commits the finished prefixes. A failure means "not ours any more", or a broker that is away: it is logged
        (K11), and the next round commits what is still ours. Left alone, aiokafka would try for ever.
        """
        positions = self._dispatcher.assignment.to_commit()
        if not positions:
            return
        try:
            async with asyncio.timeout(COMMIT_TIMEOUT_SECONDS):
                await self._consumer.commit(positions)
        except (KafkaError, TimeoutError) as error:
            log.warning("commit_failed", reason=repr(error))
        else:
            self._dispatcher.assignment.committed(positions)
            self.progress.committed()

    async def _commit_now_and_then(self) -> None:
        now = asyncio.get_running_loop().time()
        if now - self._last_commit_at >= COMMIT_SECONDS:
            self._last_commit_at = now
            await self.commit()

    async def _take_all(self, partition: TopicPartition, records: Iterable[Any], tracker: OffsetTracker | None) -> None:
        polled_at_ms = int(time.time() * 1000)
        for record in records:
            if tracker is None or self.is_behind_the_times:
                return
            try:
                read = read_record(record, polled_at_ms, self._settings.newest_version)
            except NewerVersion:
                log.error("request_of_a_newer_version", source=source_of(record))
                self.is_behind_the_times = True
                return
            if not tracker.take(record.offset, record.timestamp):
                continue
            self.progress.took(partition, record.offset)
            taken = await self._set_aside(record, read) if isinstance(read, Poison) else read
            if taken is None:
                tracker.finish(record.offset)
            else:
                self._dispatcher.add(Job(partition, tracker, record.offset, taken))

    async def _set_aside(self, record: Any, poison: Poison) -> TakenRequest | None:
        """Keeps an unreadable record for a person; what must still be ended for it, if that is known."""
        source = source_of(record)
        log.error("request_unreadable", source=source)
        self.dead_letters += 1
        try:
            await self._dead_letters.set_aside(
                source, record.key, record.value or b"", headers_of(record), poison.reason
            )
        except RecordRefused:
            # Too large with its reason: it stays at its source for a week, and must not stop the worker for ever.
            log.exception("dead_letter_refused", source=source)
        return poison.turn

    def _pause_or_resume(self) -> None:
        """With hysteresis, because a pause drops what was prefetched (K14)."""
        fullness = max(
            self._dispatcher.waiting_count / self._settings.max_waiting,
            self._dispatcher.held_characters / MAX_HELD_CHARACTERS,
        )
        if not self._is_paused and fullness >= 1:
            self._is_paused = True
        elif self._is_paused and fullness <= RESUME_SHARE:
            self._is_paused = False
        should_be_paused = self._consumer.assignment() if self._is_paused else frozenset()
        self._consumer.pause(*(should_be_paused - self._consumer.paused()))
        self._consumer.resume(*(self._consumer.paused() - should_be_paused))

    def on_assigned(self, partitions: Iterable[TopicPartition]) -> None:
        self._dispatcher.assignment.assign(partitions)
        self.progress.joined(partitions)

    def on_parted(self, partitions: Iterable[TopicPartition]) -> None:
        """What they hold is somebody else's to take from now on."""
        self._dispatcher.assignment.revoke(partitions)
        self._dispatcher.let_parked_go()
        self.progress.parted(partitions)


class _Rebalances(ConsumerRebalanceListener):  # type: ignore[misc]
    """Only opens and closes gates: no heartbeats run while an assignment callback does (K3)."""

    def __init__(self, listener: RequestListener, history: History, running: RunningTurns) -> None:
        self._listener = listener
        self._history = history
        self._running = running

    async def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:
        if revoked:
            log.info("partitions_revoked", partitions=owned(revoked))
            await self._listener.commit()  # K1, K2: the finished prefix, within seconds; running streams go on
            self._history.forget_all()
            self._running.release_all(only_before_provider=True)
        self._listener.on_parted(revoked)

    async def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        log.info("partitions_assigned", partitions=owned(assigned))
        # Also what a turn remembered that went on streaming after a revocation: others wrote meanwhile.
        self._history.forget_all()
        self._listener.on_assigned(assigned)


def owned(partitions: Iterable[TopicPartition]) -> str:
    """Partitions for the logs, such as `0,3,5`."""
    return ",".join(str(partition.partition) for partition in sorted(partitions))


def _new_consumer(settings: ListenerSettings) -> AIOKafkaConsumer:
    return AIOKafkaConsumer(
        **settings.kafka.options(),
        client_id=settings.client_id,
        group_id=settings.group,
        enable_auto_commit=False,  # K9
        auto_offset_reset="earliest",  # K9
        session_timeout_ms=settings.session_ms,
        heartbeat_interval_ms=settings.heartbeat_ms,
        rebalance_timeout_ms=20_000,  # K2
        request_timeout_ms=30_000,  # K5: above the rebalance timeout
        fetch_max_wait_ms=settings.fetch_wait_ms,
        partition_assignment_strategy=[RoundRobinPartitionAssignor],  # K13
    )
