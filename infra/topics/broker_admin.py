"""The one place that administers Kafka: topics described, created, grown and adjusted (aiokafka's admin client).

In: the manifest's topics. Out: what the brokers have. Raises NoBroker where none answers or signs us in.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient, NewPartitions, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError, SaslAuthenticationFailed, TopicAlreadyExistsError, for_code

from infra.refused import Refused
from infra.topics.comparing import ExistingTopic, wanted_settings
from producers.kafka_address import KafkaAddress
from schemas.topics import Topic

SET_ON_THE_TOPIC = 1
"""Kafka's config_source DYNAMIC_TOPIC_CONFIG: a setting of this topic's own."""
START_SECONDS = 10.0
REQUEST_TIMEOUT_MS = 15_000


class NoBroker(Refused):
    """No broker answers at the address; the text says what to look at."""


class SignInRefused(Refused):
    """The brokers answer and refuse the username, its password or the mechanism."""


class TopicsRefused(Refused):
    """The brokers refused what was asked of them; the text has their reason."""


class BrokerAdmin:
    """An open connection to the brokers' administration."""

    def __init__(self, client: Any) -> None:
        self._client = client

    async def broker_count(self) -> int:
        return len((await self._client.describe_cluster())["brokers"])

    async def leaders(self) -> dict[str, list[int]]:
        """Each topic's partitions as their leaders' ids; -1 where there is none."""
        return {
            each["topic"]: [partition["leader"] for partition in each["partitions"]]
            for each in await self._client.describe_topics()
        }

    async def existing(self, topics: Sequence[Topic]) -> dict[str, ExistingTopic]:
        """Those of `topics` that are there."""
        names = {topic.name for topic in topics}
        described = [each for each in await self._client.describe_topics() if each["topic"] in names]
        settings = await self._settings([each["topic"] for each in described])
        return {each["topic"]: _existing(each, settings[each["topic"]]) for each in described}

    async def create(self, topics: Sequence[Topic], replication: int) -> None:
        """Creates topics; one that somebody else has just made is no error."""
        new = [
            NewTopic(topic.name, topic.partitions, replication, topic_configs=wanted_settings(topic, replication))
            for topic in topics
        ]
        answer = await self._client.create_topics(new)
        for name, code, reason in answer.topic_errors:
            if code not in (0, TopicAlreadyExistsError.errno):
                raise TopicsRefused(f"{name} was not created: {reason or for_code(code).__name__}")

    async def grow(self, topic: Topic) -> None:
        await self._client.create_partitions({topic.name: NewPartitions(topic.partitions)})

    async def adjust(self, name: str, changes: Mapping[str, str]) -> None:
        """Kafka replaces all of a topic's own settings at once, so those that nobody asked about are sent along."""
        own = (await self._settings([name], only_own=True))[name]
        [answer] = await self._client.alter_configs(
            [ConfigResource(ConfigResourceType.TOPIC, name, {**own, **changes})]
        )
        for code, reason, *_ in answer.resources:
            if code:
                raise TopicsRefused(f"{name} was not adjusted: {reason or for_code(code).__name__}")

    async def _settings(self, names: Sequence[str], only_own: bool = False) -> dict[str, dict[str, str]]:
        if not names:
            return {}
        wanted = [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
        [answer] = await self._client.describe_configs(wanted)
        return {
            name: {
                key: value
                for key, value, _read_only, source, *_ in settings
                if not only_own or source == SET_ON_THE_TOPIC
            }
            for _code, _reason, _kind, name, settings in answer.resources
        }


@asynccontextmanager
async def broker_admin(kafka: KafkaAddress) -> AsyncIterator[BrokerAdmin]:
    """Raises NoBroker or SignInRefused."""
    client = AIOKafkaAdminClient(**kafka.options(), request_timeout_ms=REQUEST_TIMEOUT_MS)
    try:
        async with asyncio.timeout(START_SECONDS):
            await client.start()
        yield BrokerAdmin(client)
    except SaslAuthenticationFailed as error:
        raise SignInRefused(f"Kafka at {kafka.bootstrap_servers} refuses {kafka.username} or its password") from error
    except (KafkaError, OSError) as error:
        raise NoBroker(_who_is_missing(kafka, error)) from error
    finally:
        await client.close()


def _who_is_missing(kafka: KafkaAddress, error: Exception) -> str:
    sentence = f"no Kafka broker answers at {kafka.bootstrap_servers} ({type(error).__name__})"
    if kafka.username is None:
        return sentence
    # aiokafka's bootstrap tells a refused password only to its log.
    return f"{sentence}, or none lets {kafka.username} in with this password: the line above says which"


def _existing(described: Mapping[str, Any], settings: Mapping[str, str]) -> ExistingTopic:
    partitions = described["partitions"]
    return ExistingTopic(len(partitions), min(len(each["replicas"]) for each in partitions), settings)
