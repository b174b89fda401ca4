"""What several suites share for the whole run: one practice provider with its models, and one native stack.

SAMVAD_TEST_STACK=FOLDER uses a stack that stands there already and leaves it. Without Java, Maven or Go these tests
fail with the sentence that says what is missing; SAMVAD_SKIP_CONNECTED=1 skips them instead.
"""

import gc
import os
from collections.abc import Generator, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from infra.stack import Ports, StackOptions, ToolMissing
from store.cassandra.address import CassandraAddress
from tests.connected.running_stack import RunningStack, running_stack, standing_stack
from tests.keyspaces import fresh_keyspace
from tests.missing_tools import missing
from tests.whole.processes import models_file, practice_provider

TEST_SECONDS = 120

PRACTICE_MODELS = {
    "fast": ["practice-12x5"],
    "slow": ["practice-80x25"],
    "steady": ["practice-320x20"],
    "long": ["practice-300x50"],
    "reading": ["practice-20x250"],
    "paced": ["practice-30x600"],
    "endless": ["practice-1x20-endless"],
    "echo": ["practice-20x1-echo"],
    "broken": ["practice-12x5-reset6"],
    "rescued": ["practice-12x5-429", "practice-6x5"],
}


COSTLY_FIRST = ("tests/whole/", "tests/pure/interleavings/", "tests/flow/", "tests/contracts/", "tests/")
"""What takes long comes first: at the end only short files are left, and no core waits for another."""


@pytest.hookimpl(wrapper=True)
def pytest_collection(session: pytest.Session) -> Generator[None]:
    """What is collected, LiteLLM among it, stays to the end: nobody looks for garbage in it, now or in any test."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Bringing the servers up counts for nobody's time limit: the first time, Jaeger is built for minutes."""
    items.sort(key=lambda item: next(n for n, place in enumerate(COSTLY_FIRST) if item.nodeid.startswith(place)))
    for item in items:
        if item.get_closest_marker("connected"):
            limit = item.get_closest_marker("timeout")
            seconds = limit.args[0] if limit else TEST_SECONDS
            item.add_marker(pytest.mark.timeout(seconds, func_only=True), append=False)


@pytest.fixture(scope="session")
def stack(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    """One broker, one Cassandra node and Jaeger, with topics and tables."""
    if standing := os.environ.get("SAMVAD_TEST_STACK"):
        yield standing_stack(Path(standing))
        return
    with ExitStack() as servers:
        with progress_shown(pytestconfig):
            options = StackOptions(tmp_path_factory.mktemp("stack"), ports=Ports.free())
            running = servers.enter_context(running_stack(options))
        yield running


@pytest.fixture(scope="session")
def cassandra_keyspace(stack: RunningStack) -> Iterator[CassandraAddress]:
    """A fresh, migrated keyspace for this run."""
    with fresh_keyspace(stack.addresses.cassandra) as address:
        yield address


@contextmanager
def progress_shown(config: pytest.Config) -> Iterator[None]:
    """What the servers' start says is seen; a missing tool is a failure, or a skip for whoever asked for that."""
    capture: Any = config.pluginmanager.getplugin("capturemanager")
    try:
        with capture.global_and_fixture_disabled():
            yield
    except ToolMissing as error:
        missing(str(error))


@pytest.fixture(scope="session")
def provider_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A practice provider's base URL, which ends in `/v1`."""
    with practice_provider(tmp_path_factory.mktemp("provider")) as base_url:
        yield base_url


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory, provider_url: str) -> Path:
    """A models.yaml of practice models: fast, slow, endless, echo ..."""
    return models_file(tmp_path_factory.mktemp("models"), provider_url, **PRACTICE_MODELS)
