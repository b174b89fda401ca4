"""The proxy's configuration, run: websockets pass at once, and a draining edge costs nobody an answer."""

import asyncio
import itertools
import statistics
import subprocess
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from samvad_client import EdgeRest, SamvadClient
from samvad_client.connection import ServerSaid, open_connection
from schemas.frames import Delta
from schemas.ids import new_id
from tests.connected.way_in import WayIn, configuration, haproxy, way_in
from tests.whole.people import assert_seen_is_stored, person

pytestmark = [pytest.mark.connected, pytest.mark.timeout(120)]

TOKEN_SECONDS = 0.1
"""The pace of the model `paced` (practice-20x100)."""
IDLE_SESSIONS = 40
"""Half of them on the leaving edge, whose drain then takes half of its time."""


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WayIn]:
    with way_in(tmp_path_factory.mktemp("way-in")) as running:
        yield running


async def test_frames_pass_at_once_and_keep_their_spacing(proxy: WayIn) -> None:
    arrivals: list[float] = []

    def note(said: ServerSaid) -> None:
        if isinstance(said, Delta):
            arrivals.append(time.monotonic())

    async with EdgeRest(proxy.address) as rest:
        token = (await rest.sign_in("asha")).token
    async with SamvadClient(proxy.address, token, on_frame=note) as client:
        answer = await client.ask(new_id(), "hello", "paced").ended()
        ended = time.monotonic()
    assert answer.status == "completed"
    gaps = [later - earlier for earlier, later in itertools.pairwise(arrivals)]
    assert len(gaps) >= 15
    assert statistics.median(gaps) == pytest.approx(TOKEN_SECONDS, rel=0.4)
    assert ended - arrivals[0] > 15 * TOKEN_SECONDS


async def test_nothing_that_may_be_secret_is_logged_or_served(proxy: WayIn) -> None:
    assert await asyncio.to_thread(proxy.status, "/v1/models?token=SECRET-OF-ASHA") == 401
    assert await asyncio.to_thread(proxy.status, "/metrics") == 404
    log = proxy.log.read_text()
    assert "GET /v1/models" in log
    assert "SECRET" not in log


def test_the_configuration_is_free_of_warnings(tmp_path: Path) -> None:
    file = tmp_path / "haproxy.cfg"
    file.write_text(configuration(8000, ["127.0.0.1:8001", "127.0.0.1:8002"]))
    checked = subprocess.run([haproxy(), "-c", "-f", file], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr
    assert "WARNING" not in checked.stderr


async def test_who_is_on_a_draining_edge_goes_on_at_the_other(tmp_path: Path) -> None:
    with way_in(tmp_path) as proxy:
        async with person(proxy.address, "asha") as asha, person(proxy.address, "ben") as ben:
            asking = [asyncio.create_task(someone.ask("a long one", "long")) for someone in (asha, ben)]
            await asyncio.gather(asha.client.connected.wait(), ben.client.connected.wait())
            proxy.edges[0].process.terminate()
            turns = await asyncio.gather(*asking)
            assert sorted(someone.sessions[True] for someone in (asha, ben)) == [1, 2]
            for someone, turn in zip((asha, ben), turns, strict=True):
                assert turn.status == "completed"
                await assert_seen_is_stored(someone, [turn])
        proxy.edges[1].process.terminate()
        await asyncio.to_thread(proxy.until, "/proxy-alive", 503)


async def test_an_edge_that_drains_for_long_gets_nobody_new(tmp_path: Path) -> None:
    with way_in(tmp_path) as proxy:
        async with EdgeRest(proxy.address) as rest, AsyncExitStack() as crowd:
            token = (await rest.sign_in("asha")).token
            for _ in range(IDLE_SESSIONS):
                await crowd.enter_async_context(open_connection(proxy.address, token))
            leaving = proxy.edges[0].process
            leaving.terminate()
            await asyncio.to_thread(proxy.until_logged, "Server edges/edge-1 is DOWN")
            assert await _let_in_until_the_end_of(leaving, proxy.address, token) > 3


async def _let_in_until_the_end_of(leaving: "subprocess.Popen[bytes]", address: str, token: str) -> int:
    """How many new sessions were let in, each at the first try, while the edge was still on its way out."""
    number = 0
    while leaving.poll() is None:
        async with open_connection(address, token):
            number += 1
    return number
