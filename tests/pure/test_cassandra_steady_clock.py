"""What the driver plans to do in a moment it does in a moment, whatever the wall clock does meanwhile."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import cassandra.cluster
import cassandra.connection
import pytest

from store.cassandra.steady_clock import measure_steadily

HOUR = 3600


def test_a_planned_reconnection_survives_a_clock_that_goes_back_by_an_hour(monkeypatch: pytest.MonkeyPatch) -> None:
    measure_steadily()
    done, real = threading.Event(), time.time
    with ThreadPoolExecutor(1) as executor:
        scheduler = cassandra.cluster._Scheduler(executor)
        try:
            scheduler.schedule(0.3, done.set)
            monkeypatch.setattr(time, "time", lambda: real() - HOUR)
            assert done.wait(5)
        finally:
            scheduler.shutdown()


def test_a_requests_timeout_is_measured_by_a_clock_that_does_not_jump(monkeypatch: pytest.MonkeyPatch) -> None:
    measure_steadily()
    timer = cassandra.connection.Timer(timeout=10, callback=lambda: None)
    monkeypatch.setattr(time, "time", lambda: HOUR)
    assert 9 < timer.end - time.monotonic() <= 10
