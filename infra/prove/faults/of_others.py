"""An edge that is killed, a process whose wall clock jumps, and records that nobody should have written."""

import asyncio
import signal
from random import Random

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from infra.prove.fault_kinds import FaultKind
from infra.prove.faults.scene import READY_SECONDS, NobodyToHit, Scene, named
from schemas.topics import MAX_RECORD_BYTES, REQUESTS

STEPPED_SECONDS = 15.0
WRITE_SECONDS = 15.0
GARBAGE = (
    b"",
    b"\x00\xff\xfe",
    b"null",
    b"[[[[[[",
    b'{"type":"ask"}',
    b'{"type":"ask","version":1,"user_id":"nobody","conversation_id":"x","turn_id":"y"}',
    b'{"type":"nonsense","version":1}',
)


async def kill_edge(scene: Scene, random: Random) -> None:
    """`kill -9` with all of its sockets; it is started again where it was."""
    role = random.choice(scene.cast.edges)
    if not role.ready.is_set():
        raise NobodyToHit
    async with scene.fault(FaultKind.EDGE_KILL, named(role)):
        role.kill()
        await role.until_ready(READY_SECONDS)


async def step_clock(scene: Scene, random: Random) -> None:
    """One process's wall clock is an hour off for a while."""
    candidates = [role for role in (*scene.cast.ready_workers(), *scene.cast.edges) if role.ready.is_set()]
    if not candidates:
        raise NobodyToHit
    role = random.choice(candidates)
    away, back = random.sample((signal.SIGUSR1, signal.SIGUSR2), 2)
    pid = role.pid
    async with scene.fault(FaultKind.CLOCK_STEP, named(role)):
        role.send(away)
        await asyncio.sleep(STEPPED_SECONDS)
        if role.pid == pid:  # otherwise it was killed meanwhile, and its successor's clock is right
            role.send(back)


async def write_garbage(scene: Scene, random: Random) -> None:
    """Bytes that are no request."""
    value = random.choice(GARBAGE) or random.randbytes(random.randint(1, 2000))
    await _write(scene, FaultKind.GARBAGE_RECORD, value, random)


async def write_oversized(scene: Scene, random: Random) -> None:
    """As large as the broker takes, and no request."""
    value = b'{"type":"ask","version":1,"text":"' + b"x" * random.randint(MAX_RECORD_BYTES, MAX_RECORD_BYTES * 15 // 8)
    await _write(scene, FaultKind.OVERSIZED_RECORD, value, random)


async def _write(scene: Scene, kind: FaultKind, value: bytes, random: Random) -> None:
    partition = random.randrange(REQUESTS.partitions)
    options = scene.servers.addresses.kafka_address().options()
    producer = AIOKafkaProducer(**options, max_request_size=4 * MAX_RECORD_BYTES)
    async with scene.fault(kind, f"{REQUESTS.name}/{partition}"):
        try:
            async with asyncio.timeout(WRITE_SECONDS):
                await producer.start()
                await producer.send_and_wait(REQUESTS.name, value, partition=partition)
        except (TimeoutError, KafkaError) as error:
            raise NobodyToHit from error
        finally:
            await producer.stop()
