"""One embedded server for the whole folder; others are started by the tests that need one of their own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.whole.processes import Program, server


@pytest.fixture(scope="session")
def running_server(tmp_path_factory: pytest.TempPathFactory, models: Path) -> Iterator[Program]:
    with server(tmp_path_factory.mktemp("server"), models) as running:
        yield running


@pytest.fixture
def edge(running_server: Program) -> str:
    return running_server.said["edge"]
