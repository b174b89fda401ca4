"""A native stack of a proof's own, to be killed and frozen; and the way to its brokers that can be cut.

In: options. Out: servers with topics and tables made, ended when the block ends.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from infra.cluster.keeping import Say
from infra.prove.options import ProofOptions
from infra.prove.tcp_proxy import TcpProxy, tcp_proxy
from infra.refused import Refused
from infra.stack import Ports, StackAddresses, StackError, StackOptions, StackServer, down, server, up
from infra.stack.options import free_ports
from infra.topics.making import TopicOptions, make_topics
from schemas.topics import MANIFEST, REPLIES

RETENTION_MS = 24 * 3_600_000
"""Of replies: they are read when a run is over, which may be later than the hour that they are kept otherwise."""
TOPICS = TopicOptions(
    manifest=tuple(replace(topic, retention_ms=RETENTION_MS) if topic is REPLIES else topic for topic in MANIFEST)
)


@dataclass(frozen=True, slots=True)
class ProofServers:
    """`proxies`: of each broker, all on one port; `through_proxies` names the brokers so."""

    folder: Path
    addresses: StackAddresses
    proxies: list[TcpProxy]

    @property
    def through_proxies(self) -> str:
        return ",".join(proxy.address for proxy in self.proxies)

    def server(self, name: str) -> StackServer:
        """`kafka-1`, `cassandra-1` ..."""
        return server(self.folder, name)


@asynccontextmanager
async def proof_servers(options: ProofOptions, say: Say) -> AsyncIterator[ProofServers]:
    """Raises Refused when the servers can't be brought up."""
    folder = options.folder / "stack"
    stack = StackOptions(folder, brokers=options.brokers, with_jaeger=False, ports=Ports.free())
    async with AsyncExitStack() as cleanup:
        # Waits for an `up` that was broken off: its thread goes on, under the folder's lock.
        cleanup.push_async_callback(asyncio.to_thread, down, folder, say, not options.keep)
        addresses = await _brought_up(stack, say)
        brokers = addresses.kafka.split(",")
        yield ProofServers(folder, addresses, await _proxies(cleanup, brokers))


async def _brought_up(stack: StackOptions, say: Say) -> StackAddresses:
    from store.cassandra.migrating import migrate  # noqa: PLC0415  the driver takes its time

    try:
        addresses = await asyncio.to_thread(up, stack, say)
    except StackError as error:
        raise Refused(str(error)) from error
    if not await make_topics(addresses.kafka_address(), TOPICS, say):
        raise Refused("the topics could not be made as they are wanted")
    await asyncio.to_thread(migrate, addresses.cassandra_address(), stack.cassandra_nodes, say)
    return addresses


async def _proxies(cleanup: AsyncExitStack, brokers: list[str]) -> list[TcpProxy]:
    hosts, port = tuple(broker.partition(":")[0] for broker in brokers), next(free_ports())
    return [
        await cleanup.enter_async_context(tcp_proxy(broker, port=port, host=host, hosts=hosts))
        for broker, host in zip(brokers, hosts, strict=True)
    ]
