"""Through real proxies, each on our own file: websockets pass at once, and a draining edge costs nobody an answer."""

import asyncio
import http.client
import itertools
import json
import statistics
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack, closing, contextmanager
from pathlib import Path

import pytest

from samvad_client import EdgeRest, SamvadClient, SignInAgain
from samvad_client.connection import ServerSaid, open_connection
from samvad_client.errors import ConnectionLost
from schemas.frames import Delta, Pong
from schemas.ids import new_id
from tests.connected.headers_seen import EVENTS, headers_seen
from tests.connected.proxies import HAPROXY, PROXIES, Proxy
from tests.connected.way_in import EDGES, WayIn, way_in
from tests.whole.people import assert_seen_is_stored, person
from tests.whole.processes import free_port

pytestmark = [pytest.mark.connected, pytest.mark.timeout(300)]

TOKEN_SECONDS = 0.1
"""The pace of the model `paced` (practice-20x100)."""
IDLE_SESSIONS = 40
"""Half of them on the leaving edge, whose drain then takes half of its time."""
PATIENCE_SECONDS = 3
"""Of a proxy in a hurry; the edge's heartbeat is shorter."""
SILENT_SECONDS = 3 * PATIENCE_SECONDS
HEARTBEAT = {"SAMVAD_HEARTBEAT_SECONDS": "2"}
SLOW_HEARTBEAT = {"SAMVAD_HEARTBEAT_SECONDS": "60"}
NOTHING_READ = threading.Semaphore(0)
KEY = "dGhlIHNhbXBsZSBub25jZQ=="
each_proxy = pytest.mark.parametrize("kind", PROXIES, ids=str)


@pytest.fixture(scope="module", params=PROXIES, ids=str)
def proxy(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WayIn]:
    """In a hurry to end silent sockets."""
    with way_in(tmp_path_factory.mktemp("way-in"), request.param, f"{PATIENCE_SECONDS}s", **HEARTBEAT) as running:
        yield running


async def test_frames_pass_at_once_and_keep_their_spacing(proxy: WayIn) -> None:
    arrivals: list[float] = []

    def note(said: ServerSaid) -> None:
        if isinstance(said, Delta):
            arrivals.append(time.monotonic())

    async with SamvadClient(proxy.address, await _token(proxy), on_frame=note) as client:
        answer = await client.ask(new_id(), "hello", "paced").ended()
        ended = time.monotonic()
    assert answer.status == "completed"
    gaps = [later - earlier for earlier, later in itertools.pairwise(arrivals)]
    assert len(gaps) >= 15
    assert statistics.median(gaps) == pytest.approx(TOKEN_SECONDS, rel=0.4)
    assert ended - arrivals[0] > 15 * TOKEN_SECONDS


async def test_a_socket_that_is_silent_for_longer_than_the_proxy_waits_is_kept_open_by_the_edge(proxy: WayIn) -> None:
    async with open_connection(proxy.address, await _token(proxy)) as (connection, _):
        began, pongs = time.monotonic(), 0
        while time.monotonic() < began + SILENT_SECONDS:
            pongs += isinstance(await connection.receive(), Pong)
    assert pongs >= SILENT_SECONDS // 2 - 1


async def test_the_edges_close_code_reaches_the_client(proxy: WayIn) -> None:
    with pytest.raises(SignInAgain):  # 4401
        async with open_connection(proxy.address, "no token of ours"):
            pass


async def test_nothing_that_may_be_secret_is_logged_or_served(proxy: WayIn) -> None:
    assert await asyncio.to_thread(proxy.status, "/v1/models?token=SECRET-OF-ASHA") == 400
    assert await asyncio.to_thread(proxy.status, "/metrics") == 404
    assert "SECRET" not in proxy.log.read_text()


def test_what_is_asked_without_secrets_is_logged_by_our_proxy(tmp_path: Path) -> None:
    with _before_a_stranger(HAPROXY, tmp_path) as way:
        assert way.status("/v1/models?token=SECRET") == 200
        way.until_logged("GET /v1/models")
        assert "SECRET" not in way.log.read_text()


@each_proxy
def test_a_client_can_not_say_where_it_comes_from(kind: Proxy, tmp_path: Path) -> None:
    with _before_a_stranger(kind, tmp_path) as way:
        lies = {"X-Forwarded-For": "6.6.6.6, 7.7.7.7"}
        upgrade = {
            "Connection": "Upgrade",
            "Upgrade": "websocket",
            "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": KEY,
        }
        for sent in (lies, lies | upgrade):
            with _got(way, "/v1/ws", sent) as answer:
                came = json.loads(answer.read())
            assert [value for name, value in came if name == "x-forwarded-for"] == ["127.0.0.1"]
        assert ["upgrade", "websocket"] in came


@each_proxy
def test_each_event_comes_before_the_next_one_is_sent(kind: Proxy, tmp_path: Path) -> None:
    was_read = threading.Semaphore(0)
    with _before_a_stranger(kind, tmp_path, was_read) as way, _got(way, "/events", {}) as answer:
        for number in range(EVENTS):
            assert answer.readline() == f"id: {number}\n".encode()
            assert (answer.readline(), answer.readline()) == (b"data: {}\n", b"\n")
            was_read.release()
        assert answer.read() == b""


@pytest.mark.parametrize("kind", [each for each in PROXIES if each.cuts_silent], ids=str)
async def test_a_proxy_in_a_hurry_does_cut_a_silent_socket(kind: Proxy, tmp_path: Path) -> None:
    """So that the test above, of sockets that stay, can fail."""
    with way_in(tmp_path, kind, f"{PATIENCE_SECONDS}s", EDGES, **SLOW_HEARTBEAT) as way:
        token = await _token(way)
        async with asyncio.timeout(10 * PATIENCE_SECONDS):
            with pytest.raises(ConnectionLost, match="no close frame came"):
                await _listen_to_the_end(way.address, token)


def test_the_configuration_is_free_of_warnings(tmp_path: Path) -> None:
    file = tmp_path / "haproxy.cfg"
    file.write_text(HAPROXY.configuration(8000, ["127.0.0.1:8001", "127.0.0.1:8002"]))
    checked = subprocess.run([HAPROXY.program(), "-c", "-f", file], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr
    assert "WARNING" not in checked.stderr


@each_proxy
async def test_who_is_on_a_draining_edge_goes_on_at_the_other(kind: Proxy, tmp_path: Path) -> None:
    with way_in(tmp_path, kind) as way:
        async with person(way.address, "asha") as asha, person(way.address, "ben") as ben:
            asking = [asyncio.create_task(someone.ask("a long one", "long")) for someone in (asha, ben)]
            await asyncio.gather(asha.client.connected.wait(), ben.client.connected.wait())
            way.edges[0].process.terminate()
            turns = await asyncio.gather(*asking)
            sessions = sorted(someone.sessions[True] for someone in (asha, ben))
            # Who does not ask the edges sends the client to the draining one again, until that has gone.
            assert sessions == [1, 2] if kind.asks_edges else (sessions[0] == 1 and sessions[1] >= 2)
            for someone, turn in zip((asha, ben), turns, strict=True):
                assert turn.status == "completed"
                await assert_seen_is_stored(someone, [turn])
        if kind.serves_health:
            way.edges[1].process.terminate()
            await asyncio.to_thread(way.until, "/proxy-alive", 503)


async def test_an_edge_that_drains_for_long_gets_nobody_new(tmp_path: Path) -> None:
    with way_in(tmp_path, HAPROXY, roles=EDGES) as way:
        async with AsyncExitStack() as crowd:
            token = await _token(way)
            for _ in range(IDLE_SESSIONS):
                await crowd.enter_async_context(open_connection(way.address, token))
            leaving = way.edges[0].process
            leaving.terminate()
            await asyncio.to_thread(way.until_logged, "Server edges/edge-1 is DOWN")
            assert await _let_in_until_the_end_of(leaving, way.address, token) > 3


@contextmanager
def _before_a_stranger(kind: Proxy, folder: Path, was_read: threading.Semaphore = NOTHING_READ) -> Iterator[WayIn]:
    """A proxy with something in the edges' place that tells what reached it."""
    with headers_seen(was_read) as one, headers_seen(was_read) as other:
        port = free_port()
        with kind.running(folder, kind.configuration(port, [one, other])) as log:
            way = WayIn(f"http://127.0.0.1:{port}", [], log)
            way.until("/readyz", 200)
            yield way


@contextmanager
def _got(way: WayIn, path: str, headers: dict[str, str]) -> Iterator[http.client.HTTPResponse]:
    with closing(http.client.HTTPConnection(way.address.removeprefix("http://"), timeout=10)) as connection:
        connection.request("GET", path, headers=headers)
        with connection.getresponse() as answer:
            yield answer


async def _listen_to_the_end(address: str, token: str) -> None:
    async with open_connection(address, token) as (connection, _):
        while True:
            await connection.receive()


async def _token(way: WayIn) -> str:
    async with EdgeRest(way.address) as rest:
        return (await rest.sign_in("asha")).token


async def _let_in_until_the_end_of(leaving: "subprocess.Popen[bytes]", address: str, token: str) -> int:
    """How many new sessions were let in, each at the first try, while the edge was still on its way out."""
    number = 0
    while leaving.poll() is None:
        async with open_connection(address, token):
            number += 1
    return number
