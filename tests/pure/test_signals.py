"""What a process makes of its signals: the first asks, the second hurries, and both have an end."""

import asyncio

import pytest

from infra import signals
from infra.signals import CLOSE_SECONDS, HURRY_SECONDS, Told


@pytest.fixture
def ends_after(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The times after which the process would be ended by force."""
    seconds: list[float] = []
    monkeypatch.setattr(signals, "_end_by_force_after", seconds.append)
    return seconds


async def test_the_first_signal_asks_within_the_drain_and_the_second_hurries(ends_after: list[float]) -> None:
    told = Told(drain_seconds=30)
    told.hear()
    assert (told.stop.is_set(), told.hurry.is_set()) == (True, False)
    told.hear()
    assert told.hurry.is_set()
    told.hear()
    assert ends_after == [30 + CLOSE_SECONDS, HURRY_SECONDS]


async def test_the_end_of_the_parent_asks_and_never_hurries(ends_after: list[float]) -> None:
    told = Told(drain_seconds=30)
    told.hear()
    told.ask()
    assert not told.hurry.is_set()
    assert ends_after == [30 + CLOSE_SECONDS]


async def test_a_process_without_a_drain_is_never_forced(ends_after: list[float]) -> None:
    told = Told()
    told.hear()
    told.hear()
    assert told.hurry.is_set()
    assert ends_after == []


async def test_a_process_that_hangs_is_ended_by_force(monkeypatch: pytest.MonkeyPatch) -> None:
    codes: asyncio.Queue[int] = asyncio.Queue()
    loop = asyncio.get_running_loop()
    monkeypatch.setattr(signals.os, "_exit", lambda code: loop.call_soon_threadsafe(codes.put_nowait, code))
    monkeypatch.setattr(signals, "CLOSE_SECONDS", 0.01)
    monkeypatch.setattr(signals, "HURRY_SECONDS", 0.01)
    told = Told(drain_seconds=0)
    told.hear()
    told.hear()
    async with asyncio.timeout(5):  # for both of them: one that came later would end the test run
        assert [await codes.get(), await codes.get()] == [1, 1]
