"""`/metrics`, `/healthz` and `/readyz` on a port of their own, from threads: a stuck event loop can't keep them quiet.

In: a registry and the health checks. Out: a server for Prometheus and for probes, never for users: it has no sign-in,
so it listens on loopback unless told otherwise.
"""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import structlog
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from observability.health import Health, Verdict

log = structlog.get_logger(__name__)

SLOW_CLIENT_SECONDS = 5
STOP_SEEN_SECONDS = 0.02
"""How often it looks whether it is to end: the event loop waits for that, with the library's default up to 0.5 s."""
JSON = "application/json"

Page = tuple[int, str, bytes]
"""Status, content type and body."""


class AdminPortTaken(Exception):
    """Nothing can listen there; the message says what to do."""


@contextmanager
def admin_server(host: str, port: int, registry: CollectorRegistry, health: Health) -> Iterator[str]:
    """Serves while the block runs; gives the address, such as `http://127.0.0.1:9100`. Raises AdminPortTaken."""
    with _bound(host, port, _Pages(registry, health)) as server:
        serve = partial(server.serve_forever, STOP_SEEN_SECONDS)
        thread = threading.Thread(target=serve, name="admin-server", daemon=True)
        thread.start()
        try:
            yield f"http://{f'[{host}]' if ':' in host else host}:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


def _bound(host: str, port: int, pages: "_Pages") -> "_Server":
    try:
        return _Server((host, port), partial(_Handler, pages))
    except OSError as error:
        said = f"metrics and health can't be served on {host}:{port} ({error.strerror})"
        raise AdminPortTaken(f"{said}: choose another SAMVAD_ADMIN_PORT, or 0 for any") from error


class _Pages:
    """What is behind each path."""

    def __init__(self, registry: CollectorRegistry, health: Health) -> None:
        self._registry = registry
        self._paths: dict[str, Callable[[str], Page]] = {
            "/metrics": self._metrics,
            "/healthz": lambda _: _page_of(health.liveness()),
            "/readyz": lambda _: _page_of(health.readiness()),
        }

    def get(self, path: str, accept: str) -> Page:
        """The page, or a 404 that names those that exist."""
        page = self._paths.get(path.partition("?")[0])
        if page is None:
            return 404, "text/plain", f"Here are: {', '.join(self._paths)}\n".encode()
        return page(accept)

    def _metrics(self, accept: str) -> Page:
        encode, content_type = choose_encoder(accept)
        return 200, content_type, encode(self._registry)


def _page_of(verdict: Verdict) -> Page:
    return verdict.status, JSON, json.dumps(verdict.body).encode()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False  # a client that hangs must not keep the process from ending

    def __init__(self, address: tuple[str, int], handler: Callable[..., BaseHTTPRequestHandler]) -> None:
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        super().__init__(address, handler)


class _Handler(BaseHTTPRequestHandler):
    timeout = SLOW_CLIENT_SECONDS

    def __init__(self, pages: _Pages, *arguments: Any) -> None:
        self._pages = pages
        super().__init__(*arguments)

    def do_GET(self) -> None:
        """Called by the base class, as its name says."""
        try:
            status, content_type, body = self._pages.get(self.path, self.headers.get("accept", ""))
        except Exception:  # the edge of a probe: a metric that can't be read must not look like a dead process
            log.exception("admin_page_broke")
            status, content_type, body = 500, "text/plain", b"This page broke; the log says why.\n"
        self.send_response(status)
        self.send_header("content-type", content_type)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: Any) -> None:
        """Probes come every few seconds: nothing is written about them."""
