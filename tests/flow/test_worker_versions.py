"""A newer edge wrote a record: it is no poison, and waits for a worker that can read it (DESIGN 5)."""

from pathlib import Path

import msgspec

from schemas.frames import Completed
from schemas.requests import VERSION
from schemas.topics import DEAD_LETTERS
from tests.contracts.deadlines import eventually
from tests.flow.scripted_door import Gate, ScriptedDoor
from tests.flow.topic_readers import reading_topic
from tests.flow.worker_stage import Stage, a_request, running_stage


async def write_a_newer_one(stage: Stage) -> str:
    """Its turn's id."""
    newer = a_request()
    await stage.write_request(msgspec.json.encode({"version": VERSION + 1, "turn": newer.turn_id}), newer)
    return newer.turn_id


async def test_from_a_newer_record_on_a_worker_takes_nothing_more_leaves_the_group_and_turns_unready(
    tmp_path: Path,
) -> None:
    async with running_stage(tmp_path, ScriptedDoor({"fast": ["Hello"]})) as stage:
        before = await stage.ask()
        await stage.replies.end_of(before.turn_id)
        await stage.until_committed(1)
        assert stage.worker.is_ready
        newer = await write_a_newer_one(stage)
        await eventually(lambda: has_left(stage))
        assert not stage.worker.is_ready
        behind = [await stage.ask() for _ in range(8)]  # into all partitions
        assert await stage.committed() == 1
        async with reading_topic(stage.bootstrap, DEAD_LETTERS.name) as letters:
            assert letters.records == []
        assert stage.worker._watchdog.why_stuck() is None
        assert await stage.worker._requests.progress.look() == {}, "nothing is left that should move"
    assert [stage.replies.frames(turn_id) for turn_id in (newer, *(each.turn_id for each in behind))] == [[]] * 9


async def test_what_streams_when_a_newer_record_comes_is_not_cut(tmp_path: Path) -> None:
    gate = Gate()
    async with running_stage(tmp_path, ScriptedDoor({"fast": ["Hello", gate, " you."]})) as stage:
        running = await stage.ask()
        await gate.wait_for_model()
        await write_a_newer_one(stage)
        await eventually(lambda: has_left(stage))
        gate.open()
        assert isinstance((await stage.replies.end_of(running.turn_id))[-1], Completed)


async def has_left(stage: Stage) -> bool:
    return stage.worker._requests.progress.has_left
