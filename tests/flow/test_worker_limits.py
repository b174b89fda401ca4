"""Answers without end are ended: by the turn's deadline, by their length (G7)."""

from pathlib import Path

import pytest

from consumers import streaming
from consumers.settings import WorkerSettings
from schemas.errors import ErrorCode
from schemas.frames import Completed, Failed
from tests.flow.scripted_door import Gate, ScriptedDoor
from tests.flow.topic_readers import answer_in
from tests.flow.worker_stage import running_stage


async def test_an_answer_without_end_is_ended_by_the_turns_deadline_with_what_was_shown(tmp_path: Path) -> None:
    door = ScriptedDoor({"fast": ["Hello", Gate()]})
    async with running_stage(tmp_path, door, WorkerSettings(drain_seconds=0, merge_ms=5, turn_seconds=0.3)) as stage:
        request = await stage.ask()
        frames = await stage.replies.end_of(request.turn_id)
        failed = frames[-1]
        assert isinstance(failed, Failed)
        assert (failed.code, door.closed) == (ErrorCode.DEADLINE_EXCEEDED, 1)
        assert (await stage.messages(request))[1].text == answer_in(frames) == "Hello"


async def test_an_endless_answer_is_ended_by_its_length(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streaming, "MAX_ANSWER_CHARACTERS", 100)
    door = ScriptedDoor({"fast": ["x" * 60] * 1_000})
    async with running_stage(tmp_path, door) as stage:
        request = await stage.ask()
        completed = (await stage.replies.end_of(request.turn_id))[-1]
        assert isinstance(completed, Completed)
        assert completed.finish_reason == "length"
        assert completed.usage.estimated
        assert (await stage.messages(request))[1].text == "x" * 120
