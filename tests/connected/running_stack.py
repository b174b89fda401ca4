"""A native stack for tests: started, topics made, schema migrated; ended with its data.

In: a folder and what the stack is made of. Out: its addresses, and the environment of Samvad's processes on it.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from infra.stack import StackAddresses, StackOptions, StackServer, addresses, down, server, up
from infra.topics.making import TopicOptions, make_topics
from store.cassandra.migrating import migrate


@dataclass(frozen=True)
class RunningStack:
    """A stack whose topics and tables are made."""

    folder: Path
    addresses: StackAddresses

    @property
    def environ(self) -> dict[str, str]:
        """For Samvad's processes."""
        return self.addresses.environ()

    def server(self, name: str) -> StackServer:
        """`kafka-1`, `cassandra-1`, `jaeger` ..."""
        return server(self.folder, name)


@contextmanager
def running_stack(options: StackOptions) -> Iterator[RunningStack]:
    """A stack of its own, gone with its data when the block ends."""
    try:
        yield prepared(options.folder, up(options, print))
    finally:
        down(options.folder, print, wipe=True)


def standing_stack(folder: Path) -> RunningStack:
    """One that somebody else started and will end."""
    return prepared(folder, addresses(folder))


def prepared(folder: Path, where: StackAddresses) -> RunningStack:
    """Makes the topics and the tables."""
    assert asyncio.run(make_topics(where.kafka_address(), TopicOptions(), print))
    migrate(where.cassandra_address(), 1, print)
    return RunningStack(folder, where)
