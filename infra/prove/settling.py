"""After the load: everything is whole again, everybody is back, and every answer may come to its end.

In: the people's open turns, the processes, the group's offsets. Out: nothing moves any more, or the time is up; who
still waits then gives up, which makes his turn *unknown*, not failed.
"""

import asyncio
import time
from collections.abc import Sequence

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from infra.cluster.keeping import Say
from infra.prove.events import GaveUp
from infra.prove.faults.scene import Scene
from infra.prove.person import Person
from producers.consumer_closing import close_consumer
from producers.kafka_address import KafkaAddress
from schemas.topics import REQUESTS, WORKERS_GROUP

READY_SECONDS = 60.0
LOOK_SECONDS = 0.5
ASK_SECONDS = 10.0
QUIET_SECONDS = 3.0
"""For the last records behind the last commit: a bill, a repeated end."""


async def settle(people: Sequence[Person], scene: Scene, seconds: float, say: Say) -> None:
    """At most so long. Frozen servers and cut networks are the injector's to mend, before."""
    until = time.monotonic() + seconds
    if not await scene.cast.heal(min(READY_SECONDS, seconds)):
        say("some processes did not get ready again; their logs are in the run's folder")
    for person in people:
        person.come_back()
        for turn in scene.open_turns.still_open():
            person.stop_if_endless(turn)
    await _until_ended(scene, until)
    await _until_committed(scene.servers.addresses.kafka_address(), until, say)
    await asyncio.sleep(min(QUIET_SECONDS, seconds))
    for turn in scene.open_turns.still_open():
        scene.recorder.write(GaveUp(at=time.monotonic(), client=turn.device.name, turn_id=turn.turn_id))


async def _until_ended(scene: Scene, until: float) -> None:
    while scene.open_turns.still_open():
        if time.monotonic() > until:
            return
        await asyncio.sleep(LOOK_SECONDS)


async def _until_committed(kafka: KafkaAddress, until: float, say: Say) -> None:
    while (lag := await uncommitted(kafka)) != 0:
        if time.monotonic() > until:
            say(f"{'some' if lag is None else lag} requests are not committed, though the time to settle is up")
            return
        await asyncio.sleep(LOOK_SECONDS)


async def uncommitted(kafka: KafkaAddress) -> int | None:
    """Requests behind the group's last commits; None while the broker does not answer."""
    # Partitions are assigned, not subscribed to: it asks for the group's offsets and never joins the group.
    reader = AIOKafkaConsumer(**kafka.options(), group_id=WORKERS_GROUP, enable_auto_commit=False)
    partitions = [TopicPartition(REQUESTS.name, number) for number in range(REQUESTS.partitions)]
    reader.assign(partitions)
    try:
        async with asyncio.timeout(ASK_SECONDS):
            await reader.start()
            ends: dict[TopicPartition, int] = await reader.end_offsets(partitions)
            committed: list[int] = [await reader.committed(partition) or 0 for partition in partitions]
    except (KafkaError, TimeoutError):
        return None
    finally:
        await close_consumer(reader)
    return sum(ends[partition] - done for partition, done in zip(partitions, committed, strict=True))
