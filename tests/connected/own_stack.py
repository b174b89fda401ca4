"""A native stack of a test's own, to be killed and ended, and what one looks at on it.

In: options. Out: the stack, how long it took, its states; topics of its broker; its processes on this machine.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from infra.stack import StackAddresses, StackOptions, down, status, up
from infra.stack.programs import programs
from producers.kafka_address import KafkaAddress


@dataclass(frozen=True)
class OwnStack:
    """A stack that a test may harm."""

    options: StackOptions
    addresses: StackAddresses
    seconds: float
    """How long it took to be ready."""

    def up_again(self) -> list[str]:
        """What it said."""
        said: list[str] = []
        assert up(self.options, said.append) == self.addresses
        return sorted(said)

    def pids(self) -> dict[str, int | None]:
        return {one.name: one.pid for one in status(self.options.folder)}

    def states(self) -> dict[str, str]:
        return {one.name: one.state for one in status(self.options.folder)}


@contextmanager
def own_stack(options: StackOptions) -> Iterator[OwnStack]:
    """Gone with its data when the block ends."""
    programs(options.with_jaeger, print)  # the first ever takes minutes, which is not what is timed
    began = time.monotonic()
    try:
        addresses = up(options, print)
        yield OwnStack(options, addresses, time.monotonic() - began)
    finally:
        down(options.folder, print, wipe=True)


async def make_topic(kafka: KafkaAddress, name: str, copies: int = 1) -> None:
    admin = AIOKafkaAdminClient(**kafka.options())
    await admin.start()
    try:
        await admin.create_topics([NewTopic(name, 1, copies)])
    finally:
        await admin.close()


async def topics(kafka: KafkaAddress) -> list[str]:
    admin = AIOKafkaAdminClient(**kafka.options())
    await admin.start()
    try:
        return list(await admin.list_topics())
    finally:
        await admin.close()


def processes_of(folder: Path) -> list[int]:
    """Every process that has the folder on its command line."""
    return [one.pid for one in psutil.process_iter(["cmdline"]) if str(folder) in " ".join(one.info["cmdline"] or [])]
