"""One embedded server for the whole folder; others are started by the tests that need one of their own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.whole.processes import Program, server


@pytest.fixture(scope="session")
def server_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the running server keeps its data, in `data`, and its log."""
    return tmp_path_factory.mktemp("server")


@pytest.fixture(scope="session")
def running_server(server_folder: Path, models: Path) -> Iterator[Program]:
    with server(server_folder, models) as running:
        yield running


@pytest.fixture
def edge(running_server: Program) -> str:
    return running_server.said["edge"]
