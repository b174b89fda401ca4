"""Several processes on one data folder, and their deaths."""

import asyncio
import fcntl
import os
import sqlite3
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from store.sqlite.folder_lock import DataFolderInUse, embedded_lock
from store.sqlite.opening import open_store
from tests.flow.sqlite_processes import COUNTED, FILE, STEPS, count, line_of, process


async def test_two_processes_that_change_one_row_lose_no_step(tmp_path: Path) -> None:
    async with open_store(tmp_path / FILE) as store:
        await store.turns.compare_and_set(COUNTED, None)
        async with process("count", tmp_path) as other:
            assert await line_of(other) == "open"
            await count(tmp_path)
            assert await line_of(other) == "done"
        row = await store.turns.load(COUNTED.turn_id)
    assert row is not None
    assert (row.releases, row.version) == (2 * STEPS, 2 * STEPS + 1)


async def test_what_was_journalled_before_a_kill_is_there_in_order_after_it(tmp_path: Path) -> None:
    async with process("journal", tmp_path) as writer:
        recorded = [await line_of(writer) for _ in range(50)]
        writer.kill()
        while line := await line_of(writer):
            recorded.append(line)
    async with open_store(tmp_path / FILE) as store:
        found = await store.journal.unsettled()
    assert [entry.turn_id for entry in found][: len(recorded)] == recorded
    assert len(found) - len(recorded) in (0, 1)  # one more, if it was killed between writing and saying so
    assert {len(entry.value) for entry in found} == {3000}
    with sqlite3.connect(tmp_path / FILE) as raw:
        assert raw.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    raw.close()


async def test_new_files_may_be_opened_by_many_at_once(tmp_path: Path) -> None:
    async def open_and_write(path: Path, n: int) -> None:
        async with open_store(path) as store:
            await store.heartbeats.beat(f"worker-{n}", n)

    # Twenty files: without the turns taken in connection.py about one of 70 openings fails.
    for path in [tmp_path / f"{n}.db" for n in range(20)]:
        await asyncio.gather(*(open_and_write(path, n) for n in range(8)))
        async with open_store(path) as store:
            assert len(await store.heartbeats.counters()) == 8


async def test_an_opening_waits_for_another_ones_turn(tmp_path: Path) -> None:
    turn = os.open(tmp_path, os.O_RDONLY)
    fcntl.flock(turn, fcntl.LOCK_EX)
    async with AsyncExitStack() as opened:
        opening = asyncio.create_task(opened.enter_async_context(open_store(tmp_path / FILE)))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.shield(opening), 0.05)
        os.close(turn)
        await opening


async def test_a_held_folder_is_refused_with_its_name_and_what_to_do(tmp_path: Path) -> None:
    async with process("lock", tmp_path) as holder:
        assert await line_of(holder) == "held"
        with pytest.raises(DataFolderInUse, match=f"{tmp_path}.*choose another folder"), embedded_lock(tmp_path):
            pass


async def test_a_kill_of_the_holder_frees_the_folder(tmp_path: Path) -> None:
    async with process("lock", tmp_path) as holder:
        assert await line_of(holder) == "held"
    with embedded_lock(tmp_path):
        pass


def test_a_folder_that_was_let_go_can_be_held_again_and_is_private(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    for _ in range(2):
        with embedded_lock(folder), pytest.raises(DataFolderInUse), embedded_lock(folder):
            pass
    assert folder.stat().st_mode & 0o777 == 0o700
    assert (folder / "lock").stat().st_mode & 0o777 == 0o600
