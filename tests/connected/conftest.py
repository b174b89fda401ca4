"""Roles as processes on the native stack and the practice models (tests/conftest.py)."""

from collections.abc import Generator
from pathlib import Path

import pytest

from tests.connected.roles import Roles
from tests.connected.running_stack import RunningStack


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


@pytest.fixture
def roles(environ: dict[str, str], tmp_path: Path, models: Path) -> Roles:
    """Starts edges and workers on the stack; their logs are shown when the test fails."""
    return Roles(environ, tmp_path, models)
