"""SQLite's error codes to the store's words: which failures may pass, so that trying again later helps."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from store.errors import StoreUnavailable

_MAY_PASS = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_PROTOCOL,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_CANTOPEN,
    }
)


@contextmanager
def passing_failures_named() -> Iterator[None]:
    """Raises StoreUnavailable for a locked file, a full or failing disk, a file that can't be opened.

    Every other sqlite3.Error is a bug or a broken file and goes on as it is.
    """
    try:
        yield
    except sqlite3.Error as error:
        if _primary_code(error) in _MAY_PASS:
            raise StoreUnavailable(str(error)) from error
        raise


def _primary_code(error: sqlite3.Error) -> int | None:
    # The low byte of an extended code, https://sqlite.org/rescode.html. Errors of the Python module have no code.
    code: int | None = getattr(error, "sqlite_errorcode", None)
    return None if code is None else code & 0xFF
