"""The worker's loops look more often than a real one's, so that no test waits for them: it is the same code."""

import pytest

from consumers import control_listener, request_listener

QUICK_POLL_MS = 20
QUICK_COMMIT_SECONDS = 0.1


@pytest.fixture(autouse=True)
def quick_loops(monkeypatch: pytest.MonkeyPatch) -> None:
    """A poll that finds nothing holds up each worker's end, and each commit that a test waits for."""
    monkeypatch.setattr(request_listener, "POLL_MS", QUICK_POLL_MS)
    monkeypatch.setattr(control_listener, "POLL_MS", QUICK_POLL_MS)
    monkeypatch.setattr(request_listener, "COMMIT_SECONDS", QUICK_COMMIT_SECONDS)
