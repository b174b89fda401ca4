"""What the manifest wants of each topic, against what the brokers have. Pure.

In: the manifest's topic, how many copies are wanted, and the topic as it is. Out: how to create it, which settings
to adjust, and what only a person can decide.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from schemas.topics import MAX_RECORD_BYTES, Topic

MAX_BATCH_BYTES = 2 * MAX_RECORD_BYTES
"""What producers may send at once: the largest record with its headers, or smaller ones together."""
SAFE_REPLICATION = 3


@dataclass(frozen=True, slots=True)
class ExistingTopic:
    """A topic as the brokers describe it. `replication`: the fewest copies that one of its partitions has."""

    partitions: int
    replication: int
    settings: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Difference:
    """One setting that is not as the manifest wants it."""

    topic: str
    name: str
    is_now: str | None
    wanted: str

    def __str__(self) -> str:
        return f"{self.topic}: {self.name} is {self.is_now}, wanted {self.wanted}"


def wanted_settings(topic: Topic, replication: int) -> dict[str, str]:
    """The broker's settings of a topic that has so many copies. With three, one broker may be away and all goes on."""
    return {
        "cleanup.policy": "compact" if topic.compacted else "delete",
        "retention.ms": str(topic.retention_ms),
        "message.timestamp.type": "LogAppendTime" if topic.log_append_time else "CreateTime",
        "max.message.bytes": str(MAX_BATCH_BYTES),
        "min.insync.replicas": "2" if replication >= SAFE_REPLICATION else "1",
        "unclean.leader.election.enable": "false",
    }


def differences(topic: Topic, existing: ExistingTopic) -> list[Difference]:
    """The settings to adjust. min.insync follows the copies that there are: two of one would refuse every write."""
    return [
        Difference(topic.name, name, existing.settings.get(name), value)
        for name, value in wanted_settings(topic, existing.replication).items()
        if existing.settings.get(name) != value
    ]


def why_a_person_must_decide(topic: Topic, existing: ExistingTopic, replication: int) -> list[str]:
    """What is not as wanted and is never changed by itself, each with what it would mean."""
    found = []
    if existing.partitions > topic.partitions:
        found.append(
            f"{topic.name} has {existing.partitions} partitions, the manifest {topic.partitions}: Kafka can't take"
            " partitions away, and doing it by making the topic anew would lose its records"
        )
    if existing.partitions < topic.partitions:
        found.append(
            f"{topic.name} has {existing.partitions} partitions, the manifest {topic.partitions}: growing it moves keys"
            " to other partitions, so records of one user or conversation could overtake each other, and edges read"
            " new partitions only after a restart. With edges and workers stopped and the topic read to its end:"
            " samvad topics --grow"
        )
    if existing.replication < replication:
        found.append(
            f"{topic.name} has {existing.replication} of {replication} wanted copies: reassign its partitions with"
            " Kafka's own tool (kafka-reassign-partitions), then run this again"
        )
    return found
