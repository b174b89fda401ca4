"""The proxies that may stand before edges, as processes: each on the very file that is ours or our documents', with
other addresses.

In: a folder, a port, the edges. Out: a running proxy and its log.
"""

import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests import container_files
from tests.missing_tools import missing

DOCUMENT = container_files.ROOT / "docs" / "proxies.md"
SYSTEM_PATH = "/usr/local/sbin:/usr/sbin:/usr/local/bin:/usr/bin:/opt/homebrew/bin"
PATIENCE = "75s"
"""How long a silent socket is left alone, in all their files."""
NGINX_AROUND = """
worker_processes 1;
pid {folder}/nginx.pid;
error_log stderr;
events {{ worker_connections 1024; }}
http {{
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    {inside}
}}
"""
CADDY_BEFORE = "{\n    admin off\n}\n"


@dataclass(frozen=True)
class Proxy:
    """One kind. `asks_edges`: whether it hears of a drain; `cuts_silent`: whether it ends silent sockets at all;
    `is_ours`: whether we run it, so that a machine without it has not tested enough.
    """

    name: str
    debian: str
    text: Callable[[], str]
    command: Callable[[str, Path], list[str]]
    around: Callable[[str, Path], str] = lambda text, _folder: text
    asks_edges: bool = True
    cuts_silent: bool = True
    serves_health: bool = False
    is_ours: bool = False

    def __str__(self) -> str:
        return self.name

    def program(self) -> str:
        """Without it the test ends: ours is missed (tests/missing_tools.py), the others are left out."""
        found = shutil.which(self.name, path=SYSTEM_PATH)
        sentence = f"{self.name} is not on this machine (Debian, Ubuntu: apt install {self.debian})"
        if found is None and self.is_ours:
            missing(sentence)
        if found is None:
            pytest.skip(sentence)
        return found

    def configuration(self, port: int, edges: list[str], patience: str = PATIENCE) -> str:
        """The file with this machine's addresses, and, where a test says so, less patience."""
        text, listens = re.subn(LISTENS[self.name], rf"\g<1>127.0.0.1:{port}", self.text(), flags=re.MULTILINE)
        for number, edge in enumerate(edges, start=1):
            text, named = re.subn(rf"edge-{number}:8000\b", edge.removeprefix("http://"), text)
            assert named == 1
        assert listens == 1
        return text.replace(PATIENCE, patience)

    @contextmanager
    def running(self, folder: Path, configuration: str) -> Iterator[Path]:
        """Its log, which is whole when the block ends."""
        log, file = folder / f"{self.name}.log", folder / f"{self.name}.cfg"
        file.write_text(self.around(configuration.replace("/var/log/nginx/samvad.log", "/dev/stdout"), folder))
        with _process(self.command(self.program(), file), log, folder):
            yield log


LISTENS = {
    "haproxy": r"(^\s*bind ):8000$",
    "nginx": r"(^\s*listen )8000(?=;$)",
    "caddy": r"(^):8000(?= \{$)",
}


def documented(language: str) -> str:
    """The block of our document."""
    found = re.search(rf"^```{language}\n(.*?)^```$", DOCUMENT.read_text(), re.MULTILINE | re.DOTALL)
    assert found, language
    return found.group(1)


HAPROXY = Proxy(
    "haproxy",
    "haproxy",
    container_files.HAPROXY.read_text,
    lambda program, file: [program, "-db", "-f", str(file)],
    serves_health=True,
    is_ours=True,
)
NGINX = Proxy(
    "nginx",
    "nginx-light",
    lambda: documented("nginx"),
    lambda program, file: [program, "-p", str(file.parent), "-c", str(file), "-g", "daemon off;"],
    lambda text, folder: NGINX_AROUND.format(folder=folder, inside=text),
    asks_edges=False,
)
CADDY = Proxy(
    "caddy",
    "caddy",
    lambda: documented("caddy"),
    lambda program, file: [program, "run", "--config", str(file), "--adapter", "caddyfile"],
    lambda text, _folder: CADDY_BEFORE + text.replace("127.0.0.1:", "http://127.0.0.1:", 1),
    cuts_silent=False,
)
PROXIES = (HAPROXY, NGINX, CADDY)


@contextmanager
def _process(command: list[str], log: Path, home: Path) -> Iterator[None]:
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env={"HOME": str(home)}
        )
    try:
        yield
    finally:
        process.terminate()
        process.wait(10)
