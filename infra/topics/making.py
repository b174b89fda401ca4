"""`samvad topics`: create what is missing, adjust what drifted, say what only a person can decide.

May run any number of times, and twice at once.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from infra.topics.broker_admin import BrokerAdmin, TopicsRefused, broker_admin
from infra.topics.comparing import SAFE_REPLICATION, Difference, differences, why_a_person_must_decide
from producers.kafka_address import KafkaAddress
from schemas.topics import MANIFEST, Topic

Say = Callable[[str], None]
LEADER_SECONDS = 30.0
LOOK_AGAIN_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class TopicOptions:
    """`replication`: copies of each record; None: as many as there are brokers, at most 3."""

    replication: int | None = None
    check_only: bool = False
    grow: bool = False
    manifest: tuple[Topic, ...] = MANIFEST


async def make_topics(kafka: KafkaAddress, options: TopicOptions, say: Say) -> bool:
    """True if the topics are as the manifest wants them. Raises NoBroker, SignInRefused or TopicsRefused."""
    async with broker_admin(kafka) as admin:
        making = _Making(admin, options, say)
        return await making.run()


class _Making:
    """One run over the manifest."""

    def __init__(self, admin: BrokerAdmin, options: TopicOptions, say: Say) -> None:
        self._admin = admin
        self._options = options
        self._say = say

    async def run(self) -> bool:
        replication = await self._replication()
        is_as_wanted = await self._create_missing(replication)
        if self._options.grow and not self._options.check_only:
            await self._grow()
        is_as_wanted = await self._adjust() and is_as_wanted
        is_as_wanted = await self._say_what_a_person_must_decide(replication) and is_as_wanted
        if not self._options.check_only:
            await self._until_led()
        if is_as_wanted:
            self._say(f"{len(self._options.manifest)} topics are as wanted, {replication} copies of each record")
        return is_as_wanted

    async def _replication(self) -> int:
        brokers = await self._admin.broker_count()
        wanted = self._options.replication or min(SAFE_REPLICATION, brokers)
        if wanted > brokers:
            raise TopicsRefused(f"{wanted} copies need {wanted} brokers, and {brokers} answer")
        return wanted

    async def _create_missing(self, replication: int) -> bool:
        existing = await self._admin.existing(self._options.manifest)
        missing = [topic for topic in self._options.manifest if topic.name not in existing]
        if not missing:
            return True
        names = ", ".join(topic.name for topic in missing)
        if self._options.check_only:
            self._say(f"missing: {names}")
            return False
        await self._admin.create(missing, replication)
        self._say(f"created: {names}")
        await self._until_led()
        return True

    async def _grow(self) -> None:
        existing = await self._admin.existing(self._options.manifest)
        small = [topic for topic in self._options.manifest if existing[topic.name].partitions < topic.partitions]
        for topic in small:
            await self._admin.grow(topic)
            self._say(f"{topic.name} grew from {existing[topic.name].partitions} to {topic.partitions} partitions")
        await self._until_led(grown=small)

    async def _adjust(self) -> bool:
        existing = await self._admin.existing(self._options.manifest)
        drift = [
            difference
            for topic in self._options.manifest
            if topic.name in existing
            for difference in differences(topic, existing[topic.name])
        ]
        for difference in drift:
            self._say(f"{'differs' if self._options.check_only else 'adjusted'}: {difference}")
        if self._options.check_only:
            return not drift
        for name, changes in _by_topic(drift).items():
            await self._admin.adjust(name, changes)
        return True

    async def _say_what_a_person_must_decide(self, replication: int) -> bool:
        existing = await self._admin.existing(self._options.manifest)
        reasons = [
            reason
            for topic in self._options.manifest
            if topic.name in existing
            for reason in why_a_person_must_decide(topic, existing[topic.name], replication)
        ]
        for reason in reasons:
            self._say(f"left as it is: {reason}")
        return not reasons

    async def _until_led(self, grown: Sequence[Topic] = ()) -> None:
        """A partition without a leader would fail the first write (K16). Raises TopicsRefused.

        The controller has the partitions of `grown` topics at once; the broker that is asked learns of them later.
        """
        until = time.monotonic() + LEADER_SECONDS
        while unled := await self._unled(grown):
            if time.monotonic() > until:
                raise TopicsRefused(f"partitions of {', '.join(unled)} got no leader in {LEADER_SECONDS:.0f} s")
            await asyncio.sleep(LOOK_AGAIN_SECONDS)

    async def _unled(self, grown: Sequence[Topic]) -> list[str]:
        leaders = await self._admin.leaders()
        at_least = {topic.name: topic.partitions for topic in grown}
        return [
            topic.name
            for topic in self._options.manifest
            if len(leaders.get(topic.name, ())) < at_least.get(topic.name, 1) or min(leaders[topic.name]) < 0
        ]


def _by_topic(drift: Sequence[Difference]) -> dict[str, dict[str, str]]:
    changes: dict[str, dict[str, str]] = {}
    for difference in drift:
        changes.setdefault(difference.topic, {})[difference.name] = difference.wanted
    return changes
