"""One embedded Samvad for each data folder: the lock under which a start may release all claims."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from store.errors import StoreError


class DataFolderInUse(StoreError):
    """Another process runs on this folder."""


@contextmanager
def embedded_lock(folder: Path) -> Iterator[None]:
    """Holds `folder/lock` until the block, or the process, ends. Makes the folder (mode 0700) when missing.

    Raises DataFolderInUse when another process holds it, and OSError when the file can't be made.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    # The file is left behind: taking it away would let two processes lock two files of the same name.
    lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        _lock_now(lock, folder)
        yield
    finally:
        os.close(lock)


def _lock_now(lock: int, folder: Path) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise DataFolderInUse(
            f"{folder} is in use by another Samvad: stop that one, or choose another folder with SAMVAD_DATA"
        ) from error
