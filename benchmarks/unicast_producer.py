"""A worker's writing without its work: `python -m benchmarks.unicast_producer --users N --rate R --seconds S`.

In: the brokers (SAMVAD_KAFKA). Out: R frames a second in `chat.replies`, each to the next user, as `ReplyProducer`
writes them: same keys, headers, partitions and settings, acknowledged by all. Whole batches are built every 5 ms, as a
worker's frames wait that long for company, because a record given alone costs aiokafka more than an edge has for it.
"""

import argparse
import asyncio
import itertools
import json
import time
from collections.abc import Iterator
from typing import Any

from benchmarks.unicast_frames import Answers
from infra.kafka_settings import KafkaSettings
from infra.signals import run
from producers.connected_producer import WriterSettings, connected_producer
from schemas.headers import reply_headers
from schemas.topics import REPLIES, partition_of

TICK_SECONDS = 0.005


class Producing:
    """Everybody's frames, in turn, and the batches that are not acknowledged yet."""

    def __init__(self, producer: Any, users: int, partitions: int) -> None:
        self._producer = producer
        everybody = [Answers(number) for number in range(users)]
        self._places = {each.user_id: partition_of(each.user_id, partitions) for each in everybody}
        self._turn_by_turn: Iterator[Answers] = itertools.cycle(everybody)
        self._on_their_way: list[asyncio.Future[Any]] = []

    async def send(self, count: int) -> None:
        """The next frames of so many users."""
        batches: dict[int, Any] = {}
        now_ns, now_ms = time.monotonic_ns(), time.time_ns() // 1_000_000
        for answers in itertools.islice(self._turn_by_turn, count):
            address, value = answers.next(now_ns)
            place = self._places[answers.user_id]
            batch = batches.get(place) or batches.setdefault(place, self._producer.create_batch())
            key = answers.user_id.encode()
            batch.append(key=key, value=value, timestamp=now_ms, headers=reply_headers(address))
        for place, batch in batches.items():
            self._on_their_way.append(await self._producer.send_batch(batch, REPLIES.name, partition=place))

    async def acknowledged(self) -> None:
        """Returns when the broker has all. Raises KafkaError."""
        await asyncio.gather(*self._on_their_way)


async def _produce(users: int, rate: int, seconds: float) -> int:
    kafka = KafkaSettings().address()
    assert kafka is not None
    async with connected_producer(WriterSettings(kafka, "unicast")) as producer:
        producing = Producing(producer, users, len(await producer.partitions_for(REPLIES.name)))
        print(json.dumps({"frames": str(int(rate * seconds))}), flush=True)
        await _at_a_steady_rate(producing, rate, seconds)
        await producing.acknowledged()
    return 0


async def _at_a_steady_rate(producing: Producing, rate: int, seconds: float) -> None:
    """Late ticks send more, so that the rate holds."""
    began, sent, total = time.monotonic(), 0, int(rate * seconds)
    while sent < total:
        due = min(total, int((time.monotonic() - began) * rate))
        await producing.send(due - sent)
        sent = due
        await asyncio.sleep(TICK_SECONDS)


def main() -> int:
    """The command: its first line says how many frames it is going to send."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.unicast_producer", description=__doc__)
    parser.add_argument("--users", type=int, required=True)
    parser.add_argument("--rate", type=int, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    options = parser.parse_args()
    return run(_produce(options.users, options.rate, options.seconds))


if __name__ == "__main__":
    raise SystemExit(main())
