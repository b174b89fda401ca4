"""The way in as a process: a proxy on the file that is ours or our documents', and edges and a worker behind it."""

import time
import urllib.error
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from infra.direct_http import open_directly
from tests.connected.proxies import PATIENCE, Proxy
from tests.connected.roles import START_SECONDS
from tests.flow.broker_process import broker_process
from tests.whole.processes import Program, free_port, models_file, practice_provider, program

MODELS = {"paced": ["practice-20x100"], "long": ["practice-80x50"]}
DRAIN_SECONDS = 6
EDGES = ("edge", "edge")
ALL_ROLES = (*EDGES, "worker")
UNTIL_KNOWN_SECONDS = 15


@dataclass
class WayIn:
    """A running proxy with two edges and a worker behind it."""

    address: str
    edges: list[Program]
    log: Path

    def status(self, path: str) -> int:
        """What a GET is answered with."""
        try:
            with open_directly(f"{self.address}{path}", 5) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code

    def until(self, path: str, status: int) -> None:
        """Asks again until it is so."""
        give_up = time.monotonic() + UNTIL_KNOWN_SECONDS
        while (last := self._status_or_none(path)) != status:
            assert time.monotonic() < give_up, f"{path} is {last}: {self.log.read_text()[-1000:]}"
            time.sleep(0.05)

    def until_logged(self, words: str) -> None:
        """Waits for the proxy to say so."""
        give_up = time.monotonic() + UNTIL_KNOWN_SECONDS
        while words not in (log := self.log.read_text()):
            assert time.monotonic() < give_up, log[-1000:]
            time.sleep(0.05)

    def _status_or_none(self, path: str) -> int | None:
        try:
            return self.status(path)
        except OSError:
            return None


@contextmanager
def way_in(
    folder: Path, proxy: Proxy, patience: str = PATIENCE, roles: Sequence[str] = ALL_ROLES, **settings: str
) -> Iterator[WayIn]:
    """Everything, ready: the proxy knows both edges. `settings` are the roles'."""
    proxy.program()
    with ExitStack() as stack:
        environ = {**_settings(folder, stack), **settings}
        started = [stack.enter_context(_role(role, number, environ, folder)) for number, role in enumerate(roles)]
        edges, port = started[:2], free_port()
        configuration = proxy.configuration(port, [edge.said["edge"] for edge in edges], patience)
        log = stack.enter_context(proxy.running(folder, configuration))
        way = WayIn(f"http://127.0.0.1:{port}", edges, log)
        way.until("/proxy-alive" if proxy.serves_health else "/readyz", 200)
        yield way


def _settings(folder: Path, stack: ExitStack) -> dict[str, str]:
    provider = stack.enter_context(practice_provider(folder))
    return {
        "SAMVAD_KAFKA": stack.enter_context(broker_process()).address,
        "SAMVAD_DATA": str(folder / "data"),
        "SAMVAD_MODELS": str(models_file(folder, provider, **MODELS)),
        "SAMVAD_PORT": "0",
        "SAMVAD_DRAIN_SECONDS": str(DRAIN_SECONDS),
    }


@contextmanager
def _role(role: str, number: int, environ: dict[str, str], folder: Path) -> Iterator[Program]:
    log = folder / f"{role}-{number}.log"
    with program(role, "--embedded-broker", environ=environ, log=log, start_seconds=START_SECONDS) as running:
        yield running
