"""One practice provider for the whole folder; servers are started by the tests that need one of their own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.whole.processes import Program, models_file, practice_provider, server

PRACTICE_MODELS = {
    "fast": ["practice-12x5"],
    "slow": ["practice-80x25"],
    "long": ["practice-300x50"],
    "endless": ["practice-1x20-endless"],
    "echo": ["practice-20x1-echo"],
    "broken": ["practice-12x5-reset6"],
    "rescued": ["practice-12x5-429", "practice-6x5"],
}


@pytest.fixture(scope="session")
def provider_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with practice_provider(tmp_path_factory.mktemp("provider")) as base_url:
        yield base_url


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory, provider_url: str) -> Path:
    return models_file(tmp_path_factory.mktemp("models"), provider_url, **PRACTICE_MODELS)


@pytest.fixture(scope="session")
def running_server(tmp_path_factory: pytest.TempPathFactory, models: Path) -> Iterator[Program]:
    with server(tmp_path_factory.mktemp("server"), models) as running:
        yield running


@pytest.fixture
def edge(running_server: Program) -> str:
    return running_server.said["edge"]
