"""Something that stands behind a proxy in an edge's place: it says which headers came, and streams without haste.

In: any GET. Out: the request's headers as JSON; at `/events` server-sent events, each when the last one was read.
"""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

EVENTS = 4
PATIENCE_SECONDS = 10
"""Until somebody says that an event was read."""


class _Saying(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def __init__(self, was_read: threading.Semaphore, *arguments: Any) -> None:
        self._was_read = was_read
        super().__init__(*arguments)

    def do_GET(self) -> None:
        if self.path == "/events":
            self._stream()
            return
        body = json.dumps([[name.lower(), value] for name, value in self.headers.items()]).encode()
        self._begin("application/json")
        self._chunk(body)
        self._chunk(b"")

    def _stream(self) -> None:
        self._begin("text/event-stream")
        for number in range(EVENTS):
            self._chunk(f"id: {number}\ndata: {{}}\n\n".encode())
            if not self._was_read.acquire(timeout=PATIENCE_SECONDS):
                self.close_connection = True
                return
        self._chunk(b"")

    def _begin(self, kind: str) -> None:
        self.send_response(200)
        self.send_header("content-type", kind)
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()

    def _chunk(self, data: bytes) -> None:
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        self.wfile.flush()

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""


@contextmanager
def headers_seen(was_read: threading.Semaphore) -> Iterator[str]:
    """Its address, `127.0.0.1:PORT`. `was_read` is released for each event that came through."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Saying, was_read)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"127.0.0.1:{server.server_address[1]}"
        server.shutdown()
