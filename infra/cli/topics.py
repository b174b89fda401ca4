"""`samvad topics`: makes the topics as the manifest wants them, or says how they differ."""

from typing import Annotated

import typer

from infra.cli.refusals import clear_refusals
from infra.kafka_settings import KafkaSettings
from infra.refused import Refused
from infra.signals import run


def topics(
    replication: Annotated[
        int | None, typer.Option(min=1, help="copies of each record (default: one per broker, at most 3)")
    ] = None,
    check: Annotated[bool, typer.Option("--check", help="change nothing; exit 1 if anything differs")] = False,
    grow: Annotated[
        bool, typer.Option("--grow", help="add partitions, although keys move: stop all roles first")
    ] = False,
) -> None:
    """Create Samvad's topics on SAMVAD_KAFKA and adjust settings that drifted. May be run at any time."""
    from infra.topics.making import TopicOptions, make_topics  # noqa: PLC0415  other commands need no Kafka client

    with clear_refusals():
        kafka = KafkaSettings().address()
        if kafka is None:
            raise Refused("name the Kafka brokers: SAMVAD_KAFKA=127.0.0.1:9092")
        options = TopicOptions(replication, check_only=check, grow=grow)
        raise typer.Exit(0 if run(make_topics(kafka, options, print)) else 1)
