"""Kafka and Cassandra: killed and started again, or frozen for a while."""

import asyncio
from random import Random

from infra.prove.fault_kinds import FaultKind
from infra.prove.faults.scene import Scene
from infra.stack import StackServer

BROKER_FROZEN_SECONDS = 20.0
CASSANDRA_FROZEN_SECONDS = 30.0
CASSANDRA = "cassandra-1"


async def kill_broker(scene: Scene, random: Random) -> None:
    """`kill -9`, and it is started again."""
    await _kill(scene, FaultKind.BROKER_KILL, _any_broker(scene, random))


async def freeze_broker(scene: Scene, random: Random) -> None:
    """SIGSTOP for 20 seconds."""
    await _freeze(scene, FaultKind.BROKER_FREEZE_20S, _any_broker(scene, random), BROKER_FROZEN_SECONDS)


async def freeze_cassandra(scene: Scene, _: Random) -> None:
    """SIGSTOP for 30 seconds."""
    await _freeze(scene, FaultKind.CASSANDRA_FREEZE_30S, scene.servers.server(CASSANDRA), CASSANDRA_FROZEN_SECONDS)


async def kill_cassandra(scene: Scene, _: Random) -> None:
    """`kill -9`, and it is started again."""
    await _kill(scene, FaultKind.CASSANDRA_KILL, scene.servers.server(CASSANDRA))


async def _kill(scene: Scene, kind: FaultKind, server: StackServer) -> None:
    async with scene.fault(kind, f"{server.name} pid {server.pid}"):
        restarting = asyncio.create_task(asyncio.to_thread(_restart, server))
        try:
            await asyncio.shield(restarting)
        except asyncio.CancelledError:
            await restarting  # a run that is broken off leaves whole servers to whoever collects
            raise


def _restart(server: StackServer) -> None:
    server.kill()
    server.start()


async def _freeze(scene: Scene, kind: FaultKind, server: StackServer, seconds: float) -> None:
    async with scene.fault(kind, f"{server.name} pid {server.pid}"):
        await asyncio.to_thread(server.suspend)
        try:
            await asyncio.sleep(seconds)
        finally:
            server.resume()


def _any_broker(scene: Scene, random: Random) -> StackServer:
    return scene.servers.server(f"kafka-{random.randint(1, scene.cast.options.brokers)}")
