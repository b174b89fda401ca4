"""How far the taking of requests has come: for the metrics, and as signs of progress for the watchdog (K7, K8).

In: what the listener does, and the broker's word on where the partitions end. Out: what nobody polled yet, and for each
thing that has work to do a sign that must change. All but `look` is plain numbers, which any thread may read.
"""

import asyncio
import time
from collections.abc import Collection, Hashable, Iterable, Mapping
from contextlib import suppress
from typing import Any

import structlog
from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from consumers.assignment import Assignment
from consumers.reach import Reach
from schemas.topics import REQUESTS

log = structlog.get_logger(__name__)

ANSWER_SECONDS = 5.0
"""A broker that does not say in this time where its partitions end counts as away."""
POSITION_SECONDS = 1.0
ANY_PARTITION = TopicPartition(REQUESTS.name, 0)
"""Asked for by a worker without partitions: does the broker answer at all?"""


class RequestProgress:
    """The listener tells what it does; `assignment` knows what is taken, finished and committed."""

    def __init__(self, consumer: Any, assignment: Assignment[Any]) -> None:
        self._consumer = consumer
        self._assignment = assignment
        self._reach: Reach[TopicPartition] = Reach()
        self._polls = 0
        self._commits = 0
        self.assignments = 0
        self._polled_at = self._committed_at = time.monotonic()
        self.is_member = False
        self.has_left = False

    def joined(self, partitions: Iterable[TopicPartition]) -> None:
        """The group gave us these; none is a valid share, where workers are more than partitions."""
        self.assignments += 1
        self._reach.assign(partitions)
        self.is_member = True

    def parted(self, partitions: Iterable[TopicPartition]) -> None:
        """The group shares its partitions out anew."""
        self._reach.revoke(partitions)
        self.is_member = False

    def left(self) -> None:
        """For good: from now on all is somebody else's to count."""
        self.has_left = True

    def polled(self, partitions: Collection[TopicPartition]) -> None:
        """A poll returned, with records of these; what was fetched with them says where they end."""
        self._polls += 1
        self._polled_at = time.monotonic()
        for partition in self._consumer.assignment().intersection(partitions):
            self._reach.ends_at(partition, self._consumer.highwater(partition))

    def took(self, partition: TopicPartition, offset: int) -> None:
        self._reach.read_to(partition, offset + 1)

    def committed(self) -> None:
        self._commits += 1
        self._committed_at = time.monotonic()

    def unread(self) -> dict[int, int]:
        """Records that nobody polled yet, by partition number."""
        return {partition.partition: count for partition, count in self._reach.unread().items()}

    def last_poll_seconds(self) -> float:
        return time.monotonic() - self._polled_at

    def last_commit_seconds(self) -> float:
        """Since the last commit, or since the start."""
        return time.monotonic() - self._committed_at

    async def look(self) -> Mapping[str, Hashable] | None:
        """A sign for each thing that has work to do; None if the broker did not answer in time."""
        if self.has_left:
            return {}
        owned = self._consumer.assignment()
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                ends = await self._consumer.end_offsets(owned or [ANY_PARTITION])
        except (KafkaError, TimeoutError) as error:
            log.warning("request_ends_unknown", reason=repr(error))
            return None
        for partition, end in ends.items():
            self._reach.ends_at(partition, end)
        await self._learn_positions(owned)
        return self._signs()

    async def _learn_positions(self, partitions: Iterable[TopicPartition]) -> None:
        """Where the consumer stands: a reset moves it without a record, past what the broker removed meanwhile.

        Not where it is paused: what was fetched there is dropped, and fetched again (K14).
        """
        paused = self._consumer.paused()
        moving = [each for each in partitions if each not in paused or self._reach.position(each) is None]
        await asyncio.gather(*map(self._learn_position, moving))

    async def _learn_position(self, partition: TopicPartition) -> None:
        """One that the consumer never learns is stuck too, and must not hide where the others stand."""
        with suppress(KafkaError, TimeoutError):
            async with asyncio.timeout(POSITION_SECONDS):
                position = await self._consumer.position(partition)
            self._reach.read_to(partition, max(position, self._reach.position(partition) or 0))

    def _signs(self) -> dict[str, Hashable]:
        signs: dict[str, Hashable] = {"polling": self._polls}
        if not self.is_member:
            signs["joining the group"] = self.assignments
        if self._assignment.to_commit():
            signs["committing"] = self._commits
        unread = self._reach.unread()
        for partition in self._consumer.assignment() - self._consumer.paused():
            position = self._reach.position(partition)
            if position is None or unread.get(partition, 0):
                signs[f"partition {partition.partition}"] = position
        return signs
