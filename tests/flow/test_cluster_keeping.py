"""A cluster's processes are started together, and none is kept any more once one of them can't be."""

import asyncio
import os
from asyncio.subprocess import Process
from pathlib import Path

import pytest

from infra.cluster.keeping import DidNotStart, Keeper
from infra.cluster.running import _all_started, _end_all


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


class _Patient(Keeper):
    """Its process drains until it is told again."""

    async def end(self, seconds: float) -> None:
        self.told_again = asyncio.Event()
        await self.told_again.wait()

    def hurry(self) -> None:
        self.told_again.set()


async def test_a_second_signal_to_a_cluster_is_one_to_each_of_its_processes(tmp_path: Path) -> None:
    hurry = asyncio.Event()
    patient = [_Patient(f"worker-{n}", ("worker",), {}, tmp_path / "log", print) for n in range(2)]
    ending = asyncio.create_task(_end_all(list(patient), hurry))
    done, _ = await asyncio.wait({ending}, timeout=0.05)
    assert not done
    hurry.set()
    async with asyncio.timeout(5):
        await ending


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
