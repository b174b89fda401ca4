"""uvicorn's HTTP protocol, with bounds on a request: what comes before anybody can be told apart (G7).

In: bytes of one connection. Out: the same requests as uvicorn's own; an endless head gets 400, and a head or a body
that is not there in time ends the connection, as a connection ends on which nothing is ever asked.
"""

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_SECONDS = 10.0
BODY_SECONDS = 30.0
"""64 KiB at most, also from a bad mobile network."""
MAX_HEAD_BYTES = 64 * 1024
"""Browsers send a few KiB, most of it cookies. uvicorn itself keeps as much as comes."""


class BoundedHttp(HttpToolsProtocol):
    """One connection, until it is upgraded."""

    _head_bytes = 0
    _is_in_head = True
    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._end_within(None)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        room = MAX_HEAD_BYTES - self._head_bytes if self._is_in_head else len(data)
        self._head_bytes += len(data) if self._is_in_head else 0
        super().data_received(data[:room])
        rest = data[room:]
        if self._head_bytes > MAX_HEAD_BYTES:
            self.send_400_response("The request's head is too long.")
        elif rest and self.transport.get_protocol() is self and not self.transport.is_closing():
            self.data_received(rest)
        elif self._timer is None and self._is_idle():
            self._await_head()  # blank lines: uvicorn's own limit between two requests is off, and nothing has begun

    def handle_websocket_upgrade(self) -> None:
        """From here on the connection is another protocol's: this one must not wait for the garbage collector."""
        super().handle_websocket_upgrade()
        self.parser = None  # type: ignore[assignment]  # it refers back to this object; uvicorn does so at the end

    def _should_upgrade(self) -> bool:
        """Not from HTTP/1.0 (RFC 6455, 4.2.1): uvicorn passes the handshake on as if it were 1.1."""
        return self.parser.get_http_version() != "1.0" and super()._should_upgrade()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        if not self._is_in_head:
            self._await_head()

    def on_headers_complete(self) -> None:
        self._is_in_head, self._head_bytes = False, 0
        self._end_within(BODY_SECONDS)
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._end_within(None)
        super().on_message_complete()

    def _await_head(self) -> None:
        self._is_in_head = True
        self._end_within(HEAD_SECONDS)

    def _is_idle(self) -> bool:
        is_answered = self.cycle is None or self.cycle.response_complete
        is_open = self.transport.get_protocol() is self and not self.transport.is_closing()
        return is_answered and is_open and self.timeout_keep_alive_task is None

    def _end_within(self, seconds: float | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None if seconds is None else self.loop.call_later(seconds, self.transport.close)
