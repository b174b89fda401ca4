"""The admin server of a process: metrics and health from threads of their own, whatever the event loop does."""

import asyncio
import time
from pathlib import Path
from unittest import mock

import pytest

from observability.admin_server import AdminPortTaken
from observability.monitoring import Monitored, monitoring
from observability.settings import AdminSettings
from schemas.ids import new_id
from store.errors import StoreUnavailable
from store.sqlite.opening import open_store
from store.timing import time_calls
from tests.contracts.deadlines import eventually
from tests.flow.admin_pages import Page, page, page_now, scraped

ANY_PORT = AdminSettings(admin_port=0)


def address_of(monitored: Monitored) -> str:
    assert monitored.address is not None
    return monitored.address


async def test_nothing_listens_unless_a_port_is_set() -> None:
    async with monitoring(AdminSettings()) as monitored:
        assert monitored.address is None


async def test_a_process_is_alive_at_once_and_ready_when_it_says_so() -> None:
    async with monitoring(ANY_PORT) as monitored:
        address = address_of(monitored)
        assert (await page(address, "/healthz")).status == 200
        starting = await page(address, "/readyz")
        assert (starting.status, starting.body) == (503, {"status": "not ready", "reasons": ["starting"]})
        monitored.is_up()
        ready = await page(address, "/readyz")
        assert (ready.status, ready.body) == (200, {"status": "ready"})


async def test_what_is_degraded_is_said_and_takes_nobody_out_of_service() -> None:
    async with monitoring(ANY_PORT) as monitored:
        monitored.is_up()
        monitored.process.note_store_call("turns.load", "unavailable", 2.0)
        degraded = await page(address_of(monitored), "/readyz")
        assert (degraded.status, degraded.body["degraded"]) == (200, ["the store has not answered for 0 s"])
        monitored.process.note_store_call("turns.load", "ok", 0.001)
        assert "degraded" not in (await page(address_of(monitored), "/readyz")).body


async def test_an_event_loop_that_stands_still_is_not_alive_until_it_turns_again() -> None:
    async with monitoring(AdminSettings(admin_port=0, stuck_loop_seconds=0.3)) as monitored:
        address = address_of(monitored)
        asking = asyncio.get_running_loop().run_in_executor(None, _first_refusal, address)
        await asyncio.sleep(0.05)  # so that the thread has begun
        time.sleep(1.0)  # noqa: ASYNC251  the very thing that must not happen
        refusal = await asking
        assert (refusal.status, refusal.body["status"]) == (503, "not alive")
        assert "event loop has not turned" in refusal.body["reasons"][0]

        async def is_alive_again() -> bool:
            return (await page(address, "/healthz")).status == 200

        await eventually(is_alive_again)
        metrics = await scraped(address)
        for name in ("lag", "held"):
            bucket = f"samvad_event_loop_{name}_seconds_bucket"
            assert metrics(bucket, le="+Inf") > metrics(bucket, le="0.5")


def _first_refusal(address: str) -> Page:
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        found = page_now(address, "/healthz")
        if found.status != 200:
            return found
    return found


async def test_calls_of_the_store_are_timed_by_operation_and_outcome(tmp_path: Path) -> None:
    async with monitoring(ANY_PORT) as monitored, open_store(tmp_path / "samvad.db") as store:
        store.checkpoints.newest = mock.AsyncMock(side_effect=StoreUnavailable("away"))  # type: ignore[method-assign]
        time_calls(store, monitored.process.note_store_call)
        await store.turns.load(new_id())
        await store.turns.load(new_id())
        with pytest.raises(StoreUnavailable):
            await store.checkpoints.newest(new_id())
        metrics = await scraped(address_of(monitored))
    assert metrics("samvad_store_call_seconds_count", operation="turns.load", outcome="ok") == 2
    assert metrics("samvad_store_call_seconds_count", operation="checkpoints.newest", outcome="unavailable") == 1


async def test_a_taken_port_is_told_with_what_to_do() -> None:
    async with monitoring(ANY_PORT) as monitored:
        port = int(address_of(monitored).rpartition(":")[2])
        with pytest.raises(AdminPortTaken, match="choose another SAMVAD_ADMIN_PORT"):
            async with monitoring(AdminSettings(admin_port=port)):
                pass


async def test_a_page_that_breaks_says_so_and_an_unknown_one_names_the_others() -> None:
    async with monitoring(ANY_PORT) as monitored:
        monitored.health.ready_unless(lambda: 1 / 0)  # type: ignore[arg-type, return-value]
        assert (await page(address_of(monitored), "/readyz")).status == 500
        unknown = await page(address_of(monitored), "/metric")
        assert (unknown.status, unknown.text) == (404, "Here are: /metrics, /healthz, /readyz\n")
