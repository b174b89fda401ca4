"""A newer edge wrote a record: it is no poison, and waits for a worker that can read it (DESIGN 5)."""

from pathlib import Path

import msgspec

from schemas.requests import VERSION
from schemas.topics import DEAD_LETTERS
from tests.contracts.deadlines import eventually
from tests.flow.scripted_door import ScriptedDoor
from tests.flow.topic_readers import reading_topic
from tests.flow.worker_stage import Stage, a_request, running_stage


async def test_a_newer_record_is_left_uncommitted_and_the_worker_turns_unready(tmp_path: Path) -> None:
    async with running_stage(tmp_path, ScriptedDoor({"fast": ["Hello"]}), partitions=1) as stage:
        before = await stage.ask()
        await stage.replies.end_of(before.turn_id)
        assert stage.worker.is_ready
        newer = a_request()
        await stage.write_request(msgspec.json.encode({"version": VERSION + 1, "turn": newer.turn_id}), newer)
        behind = await stage.ask()
        await eventually(lambda: is_unready(stage))
        await stage.until_committed(1)
        async with reading_topic(stage.bootstrap, DEAD_LETTERS.name) as letters:
            assert letters.records == []
    # The drain committed all that is finished: nothing behind the newer record was taken.
    assert stage.replies.frames(newer.turn_id) == []
    assert stage.replies.frames(behind.turn_id) == []


async def is_unready(stage: Stage) -> bool:
    return not stage.worker.is_ready
