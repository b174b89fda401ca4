"""One native stack for the whole run, with topics and tables; roles as processes; a practice provider.

SAMVAD_TEST_STACK=FOLDER uses a stack that stands there already and leaves it. Without Java, Maven or Go these tests
fail with the sentence that says what is missing; SAMVAD_SKIP_CONNECTED=1 skips them instead.
"""

import os
from collections.abc import Generator, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from infra.stack import Ports, StackOptions, ToolMissing
from tests.connected.roles import Roles
from tests.connected.running_stack import RunningStack, running_stack, standing_stack
from tests.whole.conftest import PRACTICE_MODELS
from tests.whole.processes import models_file, practice_provider

TEST_SECONDS = 120


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Bringing the servers up counts for nobody's time limit: the first time, Jaeger is built for minutes."""
    for item in items:
        if item.get_closest_marker("connected"):
            limit = item.get_closest_marker("timeout")
            seconds = limit.args[0] if limit else TEST_SECONDS
            item.add_marker(pytest.mark.timeout(seconds, func_only=True), append=False)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    roles = getattr(item, "funcargs", {}).get("roles")
    if report.failed and isinstance(roles, Roles):
        report.sections.append(("the roles' logs", roles.tails()))
    return report


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
def environ(stack: RunningStack) -> dict[str, str]:
    """What Samvad's processes need to use the stack."""
    return stack.environ


@pytest.fixture(scope="session")
def provider_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A practice provider's base URL, which ends in `/v1`."""
    with practice_provider(tmp_path_factory.mktemp("provider")) as base_url:
        yield base_url


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory, provider_url: str) -> Path:
    """A models.yaml of practice models: fast, slow, endless, echo ..."""
    return models_file(tmp_path_factory.mktemp("models"), provider_url, **PRACTICE_MODELS)


@pytest.fixture
def roles(environ: dict[str, str], tmp_path: Path, models: Path) -> Roles:
    """Starts edges and workers on the stack; their logs are shown when the test fails."""
    return Roles(environ, tmp_path, models)


@contextmanager
def progress_shown(config: pytest.Config) -> Iterator[None]:
    """What the servers' start says is seen; a missing tool is a failure, or a skip for whoever asked for that."""
    capture: Any = config.pluginmanager.getplugin("capturemanager")
    try:
        with capture.global_and_fixture_disabled():
            yield
    except ToolMissing as error:
        if os.environ.get("SAMVAD_SKIP_CONNECTED"):
            pytest.skip(str(error))
        pytest.fail(f"{error} (SAMVAD_SKIP_CONNECTED=1 skips these tests)", pytrace=False)
