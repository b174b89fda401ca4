"""Opens the SQLite file: private to its owner, in WAL mode, with the schema that this program knows."""

import fcntl
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from store.errors import StoreError, StoreUnavailable
from store.sqlite.failures import passing_failures_named

SCHEMA_VERSION = 3
_STEPS = {2: "schema_2_to_3.sql"}
"""What brings a file of this schema to the newest; of any older one, the whole schema does: tables are new in it."""


class NewerDatabase(StoreError):
    """A newer program wrote the file; this one would not understand it."""


def open_connection(path: Path, busy_seconds: float) -> sqlite3.Connection:
    """A connection for the calling thread. Raises StoreUnavailable or NewerDatabase."""
    _create_privately(path)
    with passing_failures_named(), _one_opener_at_a_time(path.parent):
        connection = sqlite3.connect(path, timeout=busy_seconds, isolation_level=None)
        try:
            _prepare(connection, path)
        except BaseException:
            connection.close()
            raise
    return connection


def _create_privately(path: Path) -> None:
    # The file holds people's conversations. SQLite gives its -wal and -shm files the mode of the file itself.
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    except OSError as error:
        raise StoreUnavailable(f"cannot open {path}: {error.strerror}") from error


@contextmanager
def _one_opener_at_a_time(folder: Path) -> Iterator[None]:
    # Two that turn a new file to WAL at one moment: one fails at once, SQLite's busy timeout does not apply there.
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version > SCHEMA_VERSION:
        raise NewerDatabase(
            f"{path} was written by a newer Samvad (schema {version}, this one knows {SCHEMA_VERSION}): "
            "upgrade this program, or choose another folder"
        )
    if version < SCHEMA_VERSION:
        script = Path(__file__).with_name(_STEPS.get(version, "schema.sql"))
        connection.executescript(script.read_text(encoding="utf-8"))
