"""`samvad topics` against real brokers: creates, compares, adjusts, and leaves to a person what only one can decide."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from aiokafka.admin import AIOKafkaAdminClient

from infra.topics.broker_admin import TopicsRefused, broker_admin
from infra.topics.making import TopicOptions, make_topics
from producers.kafka_address import KafkaAddress
from schemas.ids import new_id
from schemas.topics import REPLIES, REQUESTS, Topic
from tests.connected.running_stack import RunningStack
from tests.contracts.deadlines import eventually

pytestmark = pytest.mark.connected


class Topics:
    """Two topics of a test's own, made as the manifest's are; `said` is what the last run said."""

    def __init__(self, stack: RunningStack) -> None:
        self.kafka = KafkaAddress(stack.addresses.kafka)
        self.manifest = tuple(replace(topic, name=f"{topic.name}-{new_id()}") for topic in (REQUESTS, REPLIES))
        self.said: list[str] = []

    async def make(self, **options: Any) -> bool:
        self.said.clear()
        return await make_topics(self.kafka, TopicOptions(**{"manifest": self.manifest} | options), self.said.append)

    async def partitions(self, topic: Topic) -> int:
        async with broker_admin(self.kafka) as admin:
            return (await admin.existing([topic]))[topic.name].partitions

    async def settings(self, topic: Topic) -> dict[str, str]:
        async with broker_admin(self.kafka) as admin:
            return dict((await admin.existing([topic]))[topic.name].settings)

    async def set(self, topic: Topic, **settings: str) -> None:
        wanted = {name.replace("_", "."): value for name, value in settings.items()}
        async with broker_admin(self.kafka) as admin:
            await admin.adjust(topic.name, wanted)
        await self.until_set(topic, wanted)

    async def until_set(self, topic: Topic, wanted: dict[str, str]) -> None:
        """The controller has it at once; a broker that is asked learns of it some milliseconds later."""

        async def is_set() -> bool:
            return wanted.items() <= (await self.settings(topic)).items()

        await eventually(is_set)


@pytest.fixture
async def topics(stack: RunningStack) -> Any:
    made = Topics(stack)
    yield made
    client = AIOKafkaAdminClient(**made.kafka.options())
    await client.start()
    await client.delete_topics([topic.name for topic in made.manifest])
    await client.close()


async def test_two_runs_at_once_make_the_topics_and_a_third_changes_nothing(topics: Topics) -> None:
    assert await asyncio.gather(topics.make(), topics.make()) == [True, True]
    assert await topics.make(check_only=True)
    assert topics.said == ["2 topics are as wanted, 1 copies of each record"]
    assert await topics.partitions(topics.manifest[0]) == REQUESTS.partitions


async def test_a_check_names_what_is_missing_and_what_drifted_and_changes_nothing(topics: Topics) -> None:
    assert not await topics.make(check_only=True)
    assert topics.said[0].startswith("missing: chat.requests")
    await topics.make()
    await topics.set(topics.manifest[1], message_timestamp_type="CreateTime")
    assert not await topics.make(check_only=True)
    assert "message.timestamp.type is CreateTime, wanted LogAppendTime" in topics.said[0]
    assert (await topics.settings(topics.manifest[1]))["message.timestamp.type"] == "CreateTime"


async def test_drift_is_adjusted_and_settings_that_nobody_asked_about_stay(topics: Topics) -> None:
    await topics.make()
    await topics.set(topics.manifest[0], retention_ms="1000", segment_bytes="2000000")
    assert await topics.make()
    await topics.until_set(topics.manifest[0], {"retention.ms": str(REQUESTS.retention_ms), "segment.bytes": "2000000"})


async def test_a_topic_neither_shrinks_nor_grows_unless_it_is_asked_to(topics: Topics) -> None:
    requests, replies = topics.manifest
    await topics.make()
    smaller = (replace(requests, partitions=4), replies)
    assert not await topics.make(manifest=smaller)
    assert "can't take partitions away" in topics.said[0]
    larger = (requests, replace(replies, partitions=9))
    assert not await topics.make(manifest=larger)
    assert "moves keys" in topics.said[0]
    assert await topics.partitions(replies) == REPLIES.partitions
    assert await topics.make(manifest=larger, grow=True)
    assert await topics.partitions(replies) == 9


async def test_more_copies_than_brokers_are_refused(topics: Topics) -> None:
    with pytest.raises(TopicsRefused, match="3 copies need 3 brokers, and 1 answer"):
        await topics.make(replication=3)
