"""The stores that the contract suite runs on. A new implementation is one more entry of STORES."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path

import pytest

from store.sqlite.opening import SqliteStore, open_store

Store = SqliteStore


@dataclass(frozen=True)
class Kind:
    """How to open an implementation; the forgetful one keeps checkpoints and heartbeats as briefly as it can."""

    open: Callable[[Path], AbstractAsyncContextManager[Store]]
    open_forgetful: Callable[[Path], AbstractAsyncContextManager[Store]]


STORES = {
    "sqlite": Kind(
        open=lambda folder: open_store(folder / "samvad.db"),
        open_forgetful=lambda folder: open_store(folder / "samvad.db", 0.05, 0.05),
    ),
}


@pytest.fixture(params=list(STORES))
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    """A store that may hold other tests' rows: ids must be fresh."""
    async with STORES[request.param].open(tmp_path) as opened:
        yield opened


@pytest.fixture(params=list(STORES))
async def forgetful_store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    """A store whose checkpoints and heartbeats live for a moment only."""
    async with STORES[request.param].open_forgetful(tmp_path) as opened:
        yield opened
