"""A rebalance while a turn begins: it is given back, goes on at once, and that costs it no attempt (K1)."""

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest

from consumers.settings import WorkerSettings
from schemas.ids import attempt_of
from tests.flow.scripted_door import ScriptedDoor
from tests.flow.topic_readers import answer_in
from tests.flow.worker_stage import Stage, running_stage

GOES_ON_SECONDS = 3.0


class SlowReading:
    """A worker's look at a conversation's past, which takes as long as a test wants."""

    def __init__(self, stage: Stage) -> None:
        self.begun, self.may_end = asyncio.Event(), asyncio.Event()
        self._path = stage.worker._history.path

    async def path(self, *where: Any) -> Any:
        self.begun.set()
        await self.may_end.wait()
        return await self._path(*where)


async def partitions_go_and_come_back(stage: Stage) -> None:
    """What the group does to a member: it is told, loses all, and begins anew where it committed: nowhere yet."""
    requests = stage.worker._requests
    partitions = requests._consumer.assignment()
    await requests._rebalances.on_partitions_revoked(partitions)
    await requests._rebalances.on_partitions_assigned(partitions)
    await requests._consumer.seek_to_beginning()


async def test_a_turn_whose_model_was_not_asked_yet_goes_on_with_its_partitions_next_owner(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    door = ScriptedDoor({"fast": ["Hello", " you."]})
    async with running_stage(tmp_path, door, WorkerSettings(drain_seconds=2, merge_ms=5)) as stage:
        reading = SlowReading(stage)
        monkeypatch.setattr(stage.worker._history, "path", reading.path)
        request = await stage.ask()
        await reading.begun.wait()
        await partitions_go_and_come_back(stage)
        reading.may_end.set()
        given_back_at = time.monotonic()
        frames = await stage.replies.end_of(request.turn_id)
        assert time.monotonic() - given_back_at < GOES_ON_SECONDS
        assert answer_in(frames) == "Hello you."
        assert attempt_of(frames[-1].seq) == 2
        row = await stage.store.turns.load(request.turn_id)
        assert row is not None and (row.attempt, row.releases) == (2, 1)
        assert len(door.asked) == 1
