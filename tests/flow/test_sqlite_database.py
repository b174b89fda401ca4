"""The SQLite file under asyncio: waits, failures, cancelled tasks, groups, privacy."""

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import msgspec
import pytest

from schemas.roles import Role
from store.errors import StoreUnavailable
from store.rows import Checkpoint
from store.sign_in_rows import Rotation, SignInRow
from store.sqlite.connection import NewerDatabase
from store.sqlite.database import MAX_GROUP, SqliteDatabase
from store.sqlite.opening import open_store
from tests.contracts.deadlines import eventually
from tests.contracts.rows import a_message

BEAT = "INSERT INTO heartbeats (worker_id, counter, expires_at_ms) VALUES (?, ?, 0)"
COUNT = "SELECT count(*) FROM heartbeats"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "samvad.db"


@contextmanager
def locked_by_another(path: Path) -> Iterator[None]:
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield


async def test_a_file_that_stays_locked_is_unavailable_and_works_again_afterwards(path: Path) -> None:
    async with SqliteDatabase(path, busy_seconds=0.02) as database:
        with locked_by_another(path):
            answers = await asyncio.gather(*(database.change(BEAT, n, n) for n in range(3)), return_exceptions=True)
            assert [type(answer) for answer in answers] == [StoreUnavailable] * 3
            assert await database.row(COUNT) == (0,)
        assert await database.change(BEAT, "w", 1) == 1


async def test_a_write_that_waits_for_another_process_holds_up_nothing_else_on_the_loop(path: Path) -> None:
    async with SqliteDatabase(path) as database:
        with locked_by_another(path):
            write = asyncio.create_task(database.change(BEAT, "w", 1))
            for _ in range(100):  # a blocked loop would come back after 5 s, with the write given up
                await asyncio.sleep(0)
            assert not write.done()
        assert await write == 1


async def test_a_cancelled_wait_does_not_cancel_the_write(path: Path) -> None:
    async with SqliteDatabase(path) as database:
        with locked_by_another(path):
            writes = [asyncio.create_task(database.change(BEAT, n, n)) for n in range(5)]
            await asyncio.sleep(0)
            for write in writes[:4]:
                write.cancel()
        assert await writes[4] == 1
        assert all(write.cancelled() for write in writes[:4])
        assert await database.row(COUNT) == (5,)


async def test_what_still_waits_is_written_before_the_file_closes(path: Path) -> None:
    async with SqliteDatabase(path) as database:
        writes = [asyncio.create_task(database.change(BEAT, n, n)) for n in range(3 * MAX_GROUP)]
        await asyncio.sleep(0)
    assert sum(await asyncio.gather(*writes)) == 3 * MAX_GROUP
    with closing(sqlite3.connect(path)) as raw:
        assert raw.execute(COUNT).fetchone() == (3 * MAX_GROUP,)


async def test_a_closed_database_is_unavailable(path: Path) -> None:
    async with SqliteDatabase(path) as database:
        pass
    with pytest.raises(StoreUnavailable, match="closed"):
        await database.row(COUNT)


async def test_an_action_that_fails_changes_nothing_and_takes_no_other_with_it(path: Path) -> None:
    def write_then_fail(connection: sqlite3.Connection) -> None:
        connection.execute(BEAT, ("half", 1))
        raise LookupError("half way")

    async with SqliteDatabase(path) as database:
        together = [database.change(BEAT, "a", 1), database.transact(write_then_fail), database.change(BEAT, "a", 2)]
        first, failed, repeated = await asyncio.gather(*together, return_exceptions=True)
        assert first == 1
        assert isinstance(failed, LookupError)
        assert isinstance(repeated, sqlite3.IntegrityError)
        assert await database.rows("SELECT worker_id FROM heartbeats") == [("a",)]


async def test_writes_and_reads_are_done_in_the_order_in_which_they_were_asked_for(path: Path) -> None:
    async with SqliteDatabase(path) as database:
        asked = [job for n in range(300) for job in (database.change(BEAT, n, n), database.row(COUNT))]
        answers = await asyncio.gather(*asked)
    assert answers[1::2] == [(n + 1,) for n in range(300)]


async def test_nobody_writes_between_an_actions_reads_and_its_writes(path: Path) -> None:
    def read_then_write(connection: sqlite3.Connection) -> bool:
        connection.execute(COUNT).fetchone()
        others_write_failed = fails_to_write(path)
        connection.execute(BEAT, ("ours", 1))
        return others_write_failed

    async with SqliteDatabase(path) as database:
        assert await database.transact(read_then_write)


def fails_to_write(path: Path) -> bool:
    with closing(sqlite3.connect(path, timeout=0, isolation_level=None)) as connection:
        try:
            connection.execute(BEAT, ("other", 1))
        except sqlite3.OperationalError:
            return True
    return False


async def test_a_message_stays_as_it_was_first_written(path: Path) -> None:
    row = a_message(text="first")
    async with open_store(path) as store:
        for text in ("first", "other"):
            await store.messages.append("u", "c", [msgspec.structs.replace(row, text=text)], 100)
        assert await store.messages.page("u", "c", None, 10) == [row]


async def test_a_bug_in_a_statement_is_not_taken_for_an_outage(path: Path) -> None:
    async with SqliteDatabase(path) as database:
        with pytest.raises(sqlite3.OperationalError, match="no such table"):
            await database.row("SELECT * FROM no_such_thing")


async def test_the_folder_and_its_files_are_their_owners_alone(path: Path) -> None:
    async with SqliteDatabase(path) as database:
        await database.change(BEAT, "w", 1)
        modes = {file.name: file.stat().st_mode & 0o777 for file in path.parent.iterdir()}
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert modes == {"samvad.db": 0o600, "samvad.db-wal": 0o600, "samvad.db-shm": 0o600}


async def test_a_path_that_cannot_be_a_file_is_unavailable_and_named(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable, match=str(tmp_path)):
        async with SqliteDatabase(tmp_path):
            pass


async def test_a_full_disk_is_unavailable_and_what_was_there_stays(path: Path) -> None:
    def fill(connection: sqlite3.Connection) -> None:
        connection.execute("PRAGMA max_page_count = 1")
        connection.execute(BEAT, ("w" * 1_000_000, 1))

    async with SqliteDatabase(path) as database:
        await database.change(BEAT, "before", 1)
        with pytest.raises(StoreUnavailable, match="full"):
            await database.transact(fill)
        assert await database.row(COUNT) == (1,)


async def test_a_newer_programs_file_is_refused_with_its_name_and_left_alone(path: Path) -> None:
    async with SqliteDatabase(path) as database:
        await database.change("PRAGMA user_version = 99")
    with pytest.raises(NewerDatabase, match=f"{path}.*schema 99.*upgrade"):
        async with SqliteDatabase(path):
            pass


async def test_a_file_of_the_schema_before_is_brought_up_to_date_with_all_that_is_in_it(path: Path) -> None:
    sign_in = SignInRow(
        sign_in_id="s",
        user_id="u",
        role=Role.USER,
        generation="",
        created_at_ms=1,
        expires_at_ms=10**15,
        refresh_hash="r1",
    )
    async with open_store(path) as store, SqliteDatabase(path) as database:
        await store.sign_ins.begin(sign_in)
        await store.used_tickets.use("used", "n", 60)
        for taken_back in (
            "ALTER TABLE sign_ins DROP COLUMN rotated_at_ms",
            "ALTER TABLE used_tickets DROP COLUMN nonce",
            "PRAGMA user_version = 2",
        ):
            await database.change(taken_back)
    for _ in range(2):
        async with open_store(path) as store:
            assert await store.sign_ins.get("s") == sign_in
            assert not await store.used_tickets.use("used", "n", 60)
    async with open_store(path) as store:
        assert await store.sign_ins.rotate("s", Rotation(old_hash="r1", new_hash="r2", at_ms=5), 10**15)


async def test_what_was_written_is_there_when_the_file_is_opened_again(path: Path) -> None:
    async with open_store(path) as store:
        await store.heartbeats.beat("w", 3)
    async with open_store(path) as store:
        assert await store.heartbeats.counters() == {"w": 3}


@pytest.mark.parametrize("table", ["checkpoints", "heartbeats"])
async def test_expired_rows_are_taken_out_of_the_file(path: Path, table: str) -> None:
    async with open_store(path, 0.01, 0.01) as store, SqliteDatabase(path) as database:

        async def only_the_newest_is_left() -> bool:
            await store.checkpoints.save("new", Checkpoint(1, 1, "", "fast"))
            await store.heartbeats.beat("new", 1)
            return await database.row(f"SELECT count(*) FROM {table}") == (1,)

        await store.checkpoints.save("old", Checkpoint(1, 1, "", "fast"))
        await store.heartbeats.beat("old", 1)
        await eventually(only_the_newest_is_left)
