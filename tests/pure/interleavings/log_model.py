"""Kafka as workers know it: the requests, a group that shares partitions out anew at any moment, and writing."""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from producers.errors import OutcomeUnknown
from producers.kafka_writer import Record
from schemas.topics import REQUESTS
from tests.pure.interleavings.world import World


@dataclass(frozen=True, slots=True)
class LoggedRecord:
    """One record of `chat.requests`."""

    partition: int
    offset: int
    value: bytes
    turn_id: str
    topic: str = REQUESTS.name
    timestamp: int = 0
    key: bytes | None = None
    headers: tuple[tuple[str, bytes], ...] = ()


class RequestLog:
    """Partitions with what was committed of them. `on_commit` hears of each position."""

    def __init__(self, partitions: int, on_commit: Callable[[int, int], None]) -> None:
        self._on_commit = on_commit
        self.records: list[list[LoggedRecord]] = [[] for _ in range(partitions)]
        self.committed = [0] * partitions

    def append(self, partition: int, value: bytes, turn_id: str) -> None:
        records = self.records[partition]
        records.append(LoggedRecord(partition, len(records), value, turn_id))

    def commit(self, positions: dict[TopicPartition, int]) -> None:
        """Also of a member whose partition is another's by now (K10)."""
        for partition, position in positions.items():
            self.committed[partition.partition] = position
            self._on_commit(partition.partition, position)


class Group:
    """Who reads what. `share_out` is a rebalance: every member gives up all and gets its new share (K1)."""

    def __init__(self, world: World, log: RequestLog) -> None:
        self.world = world
        self.log = log
        self.members: list[ModelConsumer] = []
        self.shares: dict[ModelConsumer, set[TopicPartition]] = {}
        self.generation = 0

    def share_out(self, turned_by: int) -> None:
        self.generation += 1
        awake = [each for each in self.members if not each.owner.is_frozen and not each.owner.is_dead]
        self.shares = {each: set() for each in awake}
        for partition in range(len(self.log.records)) if awake else ():
            member = awake[(partition + turned_by) % len(awake)]
            self.shares[member].add(TopicPartition(REQUESTS.name, partition))
        for each in awake:
            each.join_again()


@dataclass(eq=False)
class ModelConsumer:
    """What the listener uses of aiokafka's consumer. A member that is frozen keeps its old share until it wakes up."""

    group: Group
    owner: Any
    listener: Any = None
    share: set[TopicPartition] = field(default_factory=set)
    positions: dict[TopicPartition, int] = field(default_factory=dict)
    generation: int = 0
    is_joining: bool = False
    has_work: Callable[[], bool] = bool
    _paused: set[TopicPartition] = field(default_factory=set)
    _idle_at: float = 0.0

    def subscribe(self, topics: list[str], listener: Any) -> None:
        self.listener = listener

    async def start(self) -> None:
        self.group.members.append(self)

    async def stop(self) -> None:
        if self in self.group.members:
            self.group.members.remove(self)

    async def getmany(self, timeout_ms: int, max_records: int | None = None) -> dict[TopicPartition, list[Any]]:
        return await self.group.world.call("poll", self._fetch, None, self._has_something)

    async def commit(self, positions: dict[TopicPartition, int]) -> None:
        said = ", ".join(f"{partition.partition}:{position}" for partition, position in positions.items())
        await self.group.world.call(f"commit {said}", lambda: self.group.log.commit(positions), KafkaError)

    def assignment(self) -> set[TopicPartition]:
        return set(self.share)

    def paused(self) -> set[TopicPartition]:
        return set(self._paused)

    def pause(self, *partitions: TopicPartition) -> None:
        self._paused.update(partitions)

    def resume(self, *partitions: TopicPartition) -> None:
        self._paused.difference_update(partitions)

    def highwater(self, partition: TopicPartition) -> int:
        return len(self.group.log.records[partition.partition])

    def join_again(self) -> None:
        if not self.is_joining:
            self.is_joining = True
            self.group.world.loop.spawn(self.owner, self._join())

    async def _join(self) -> None:
        group = self.group
        while self.generation != group.generation and self in group.members:
            await self.listener.on_partitions_revoked(set(self.share))
            await group.world.call("join", lambda: None, None)
            self.generation = group.generation
            self.share = set(group.shares.get(self, ()))
            self.positions = {each: group.log.committed[each.partition] for each in self.share}
            self._paused.clear()
            await self.listener.on_partitions_assigned(set(self.share))
        self.is_joining = False

    def _unread(self) -> dict[TopicPartition, list[Any]]:
        records = self.group.log.records
        moving = sorted(self.share - self._paused)
        return {each: new for each in moving if (new := records[each.partition][self.positions[each] :])}

    def _has_something(self) -> bool:
        """Records, or a reason to come back without any: once at each moment, for the listener to commit."""
        if self.is_joining:
            return False
        records, positions, paused = self.group.log.records, self.positions, self._paused
        if any(len(records[each.partition]) > positions[each] for each in self.share if each not in paused):
            return True
        return self._idle_at != self.group.world.loop.now and self.has_work()

    def _fetch(self) -> dict[TopicPartition, list[Any]]:
        batches = self._unread()
        self._idle_at = self.group.world.loop.now
        for partition, records in batches.items():
            self.positions[partition] += len(records)
        return batches


@dataclass(eq=False)
class ModelWriter:
    """A writer of records: in order, again and again until the broker has them. `on_record` is the broker."""

    world: World
    owner: Any
    on_submit: Callable[[Any, Record], None]
    on_record: Callable[[Any, Record], None]
    waiting: deque[tuple[Record, "asyncio.Future[None]"]] = field(default_factory=deque)

    def submit(self, record: Record, at_once: bool = False) -> "asyncio.Future[None]":
        future = self.world.loop.create_future()
        if not self.world.is_over and not self.owner.is_dead:
            self.on_submit(self.owner, record)
            self.waiting.append((record, future))
        return future

    async def write(self, record: Record, ack_seconds: float) -> None:
        await self.world.call(f"write to {record.topic}", lambda: self.on_record(self.owner, record), OutcomeUnknown)

    def deliver(self) -> None:
        """The broker takes the first and says so."""
        record, future = self.waiting.popleft()
        self.on_record(self.owner, record)
        if not future.done():
            future.set_result(None)

    def deliver_unacknowledged(self, count: int) -> None:
        """The broker takes some, and its answers are lost: a new producer will send them again."""
        for record, _ in list(self.waiting)[:count]:
            self.on_record(self.owner, record)
