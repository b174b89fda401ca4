"""The way in of compose.yaml as a process: HAProxy on the very same file, with other addresses, and edges behind it."""

import re
import shutil
import subprocess
import time
import urllib.error
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from infra.direct_http import open_directly
from tests.container_files import HAPROXY
from tests.flow.broker_process import broker_process
from tests.missing_tools import missing
from tests.whole.processes import Program, free_port, models_file, practice_provider, program

MODELS = {"paced": ["practice-20x100"], "long": ["practice-80x50"]}
DRAIN_SECONDS = 6
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


def haproxy() -> str:
    """The proxy's program; without it the test ends (tests/missing_tools.py)."""
    found = shutil.which("haproxy", path="/usr/local/sbin:/usr/sbin:/usr/local/bin:/usr/bin:/opt/homebrew/bin")
    if found is None:
        missing("HAProxy is not on this machine (Debian, Ubuntu: apt install haproxy)")
    return found


def configuration(port: int, edges: list[str]) -> str:
    """containers/haproxy.cfg with this machine's addresses, and nothing else changed."""
    text, changes = re.subn(r"bind :8000$", f"bind 127.0.0.1:{port}", HAPROXY.read_text(), flags=re.MULTILINE)
    for number, edge in enumerate(edges, start=1):
        text, changed = re.subn(rf"edge-{number}:8000$", edge.removeprefix("http://"), text, flags=re.MULTILINE)
        changes += changed
    assert changes == 1 + len(edges)
    return text


@contextmanager
def way_in(folder: Path) -> Iterator[WayIn]:
    """Everything, ready: the proxy knows both edges."""
    program_path = haproxy()
    with ExitStack() as stack:
        environ = _settings(folder, stack)
        roles = ("edge", "edge", "worker")
        started = [stack.enter_context(_role(role, number, environ, folder)) for number, role in enumerate(roles)]
        edges = started[:2]
        port, log = free_port(), folder / "haproxy.log"
        file = folder / "haproxy.cfg"
        file.write_text(configuration(port, [edge.said["edge"] for edge in edges]))
        stack.enter_context(_running([program_path, "-db", "-f", str(file)], log))
        proxy = WayIn(f"http://127.0.0.1:{port}", edges, log)
        proxy.until("/proxy-alive", 200)
        yield proxy


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
    with program(role, "--embedded-broker", environ=environ, log=folder / f"{role}-{number}.log") as running:
        yield running


@contextmanager
def _running(command: list[str], log: Path) -> Iterator[None]:
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
    try:
        yield
    finally:
        process.terminate()
        process.wait(10)
