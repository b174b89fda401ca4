"""Roles as processes on the native stack (tests/conftest.py), and a practice provider."""

from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

from tests.connected.roles import Roles
from tests.connected.running_stack import RunningStack
from tests.whole.conftest import PRACTICE_MODELS
from tests.whole.processes import models_file, practice_provider


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    roles = getattr(item, "funcargs", {}).get("roles")
    if report.failed and isinstance(roles, Roles):
        report.sections.append(("the roles' logs", roles.tails()))
    return report


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
