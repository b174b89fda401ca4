"""How many partitions a topic has, as the brokers say; or their word that they have no such topic for us.

In: a started producer. Out: the count. A broker that merely does not answer is no word (K15).
"""

from typing import Any

from aiokafka.errors import TopicAuthorizationFailedError, UnknownTopicOrPartitionError


class NoSuchTopic(Exception):
    """The brokers answered: there is no such topic, or we may not use it."""


async def partition_count(producer: Any, topic: str) -> int:
    """Waits up to the producer's request timeout for a topic that is just being made.

    Raises NoSuchTopic, or KafkaError where no broker says anything.
    """
    try:
        return len(await producer.partitions_for(topic))
    except TopicAuthorizationFailedError as error:
        raise NoSuchTopic(f"no permission for the topic {topic}") from error
    except UnknownTopicOrPartitionError as error:
        # aiokafka says this also when no broker answered.
        if topic in (await producer.client.fetch_all_metadata()).topics():
            raise
        raise NoSuchTopic(f"there is no topic {topic}") from error
