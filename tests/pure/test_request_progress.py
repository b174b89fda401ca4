"""What the watchdog and the metrics see of the consumption, whatever moves the consumer."""

import asyncio
from collections.abc import Collection

import pytest
from aiokafka import TopicPartition

from consumers import request_progress
from consumers.assignment import Assignment
from consumers.request_progress import RequestProgress
from consumers.standing_still import StandingStill

P0 = TopicPartition("chat.requests", 0)


class Consumer:
    """As aiokafka's, with partitions that end at 500. One without a position waits for it."""

    def __init__(self, **positions: int | None) -> None:
        self.positions = {TopicPartition("chat.requests", int(name[1:])): at for name, at in positions.items()}
        self.paused_partitions: set[TopicPartition] = set()

    def assignment(self) -> set[TopicPartition]:
        return set(self.positions)

    def paused(self) -> set[TopicPartition]:
        return self.paused_partitions

    async def end_offsets(self, partitions: Collection[TopicPartition]) -> dict[TopicPartition, int]:
        return dict.fromkeys(partitions, 500)

    async def position(self, partition: TopicPartition) -> int:
        while (position := self.positions[partition]) is None:
            await asyncio.Event().wait()
        return position


def progress_of(consumer: Consumer) -> RequestProgress:
    progress = RequestProgress(consumer, Assignment())
    progress.joined(consumer.assignment())
    return progress


async def test_a_reset_past_removed_records_is_progress_although_it_brings_no_record() -> None:
    consumer = Consumer(p0=100)
    progress = progress_of(consumer)
    await progress.look()
    assert progress.unread() == {0: 400}
    consumer.positions[P0] = 500
    assert "partition 0" not in (await progress.look() or {})
    assert progress.unread() == {0: 0}


async def test_a_partition_without_a_position_hides_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    consumer = Consumer(p0=None, p1=480)
    progress = progress_of(consumer)
    monkeypatch.setattr(request_progress, "POSITION_SECONDS", 0.01)
    signs = await progress.look()
    assert signs is not None and (signs["partition 0"], signs["partition 1"]) == (None, 480)


async def test_what_a_paused_partition_has_fetched_stays_unread() -> None:
    consumer = Consumer(p0=100)
    consumer.paused_partitions = {P0}
    progress = progress_of(consumer)
    await progress.look()
    assert progress.unread() == {0: 400}, "where it begins is learned all the same"
    consumer.positions[P0] = 101  # polled, and not taken
    await progress.look()
    assert progress.unread() == {0: 400}


async def test_what_was_taken_stays_taken_while_the_consumer_says_less() -> None:
    consumer = Consumer(p0=100)
    progress = progress_of(consumer)
    progress.took(P0, 199)
    await progress.look()
    assert progress.unread() == {0: 300}


async def test_a_group_that_shares_out_again_and_again_does_not_stand_still_but_one_that_never_does_is_stuck() -> None:
    for joins, stuck in ((True, []), (False, ["joining the group"])):
        progress, standing = progress_of(Consumer()), StandingStill(60)
        for look in range(40):
            progress.polled([])
            if joins:
                progress.joined([])
            progress.parted([])
            standing.observe(await progress.look() or {}, look * 2.0)
        assert standing.stuck(80.0) == stuck
