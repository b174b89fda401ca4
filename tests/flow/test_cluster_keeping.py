"""A cluster's processes are started together, and none is kept any more once one of them can't be."""

import asyncio
import os
from asyncio.subprocess import Process
from pathlib import Path

import pytest

from infra.cluster.keeping import DidNotStart, Keeper
from infra.cluster.running import _all_started


class _Ended(Keeper):
    """Told to end in the very moment in which its process is ready."""

    async def _ready_line(self, process: Process) -> dict[str, str] | None:
        said = await super()._ready_line(process)
        await self.end(10)
        return said


class _NeverReady(Keeper):
    was_broken_off = False

    async def start(self) -> dict[str, str]:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.was_broken_off = True
            raise
        return {}


class _Failing(Keeper):
    async def start(self) -> dict[str, str]:
        raise DidNotStart("worker-1 did not start")


async def test_a_process_that_is_ready_while_it_is_ended_is_not_kept(tmp_path: Path) -> None:
    said: list[str] = []
    keeper = _Ended("provider", ("practice-provider", "--port", "0"), os.environ, tmp_path / "log", said.append)
    with pytest.raises(DidNotStart):
        await keeper.start()
    assert [task for task in asyncio.all_tasks() if task.get_name() == "keeper-provider"] == []
    assert said == []


async def test_one_that_does_not_start_breaks_the_others_off_and_is_what_is_told(tmp_path: Path) -> None:
    waiting = _NeverReady("edge-1", ("edge",), {}, tmp_path / "edge", print)
    failing = _Failing("worker-1", ("worker",), {}, tmp_path / "worker", print)
    with pytest.raises(DidNotStart, match="worker-1"):
        async with asyncio.timeout(5):
            await _all_started({"edge-1": waiting, "worker-1": failing}, print)
    assert waiting.was_broken_off
