"""How long a worker's drain takes: no longer than it may, and hardly any time when it must hurry (DESIGN 6, Drain)."""

import asyncio
import time
from pathlib import Path

import pytest

from consumers import worker
from consumers.settings import WorkerSettings
from schemas.requests import Ask
from tests.flow.scripted_door import Gate, ScriptedDoor
from tests.flow.worker_stage import Stage, running_stage

PATIENT = WorkerSettings(drain_seconds=60, merge_ms=5)
LONG_SECONDS = 5.0
"""Far more than these drains take, far less than what they would wait for."""


def endless() -> ScriptedDoor:
    return ScriptedDoor({"fast": ["Hello", Gate(), " never"]})


async def running_turn(stage: Stage) -> Ask:
    request = await stage.ask()
    await stage.replies.shown(request.turn_id, "Hello")
    return request


async def never(*_: object) -> None:
    await asyncio.Event().wait()


async def test_a_worker_that_must_hurry_gives_back_what_runs_at_once(tmp_path: Path) -> None:
    async with running_stage(tmp_path, endless(), PATIENT) as stage:
        request = await running_turn(stage)
        draining = asyncio.create_task(stage.worker.drain())
        done, _ = await asyncio.wait({draining}, timeout=0.3)
        assert not done
        stage.worker._hurry.set()
        async with asyncio.timeout(LONG_SECONDS):
            await draining
        released = await stage.store.turns.load(request.turn_id)
        assert released is not None
        assert (released.owner, released.releases) == (None, 1)


async def test_a_drain_is_over_in_its_time_though_nothing_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "CLOSE_SECONDS", 0.2)
    monkeypatch.setattr(worker, "RELEASE_SECONDS", 0.1)
    async with running_stage(tmp_path, endless(), WorkerSettings(drain_seconds=0.3, merge_ms=5)) as stage:
        await running_turn(stage)
        parts = (stage.worker._requests._consumer, stage.worker._control._consumer)
        for each in parts:
            monkeypatch.setattr(each, "stop", never)
            monkeypatch.setattr(each, "getmany", never)
        monkeypatch.setattr(stage.store.turns, "compare_and_set", never)
        monkeypatch.setattr(stage.store.heartbeats, "leave", never)
        began = time.monotonic()
        await stage.worker.drain()
        assert time.monotonic() - began < LONG_SECONDS
        monkeypatch.undo()
        for each in parts:
            await each.stop()
