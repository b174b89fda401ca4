"""What happened to each call of the practice provider. Pure; only `Instant.now` reads the clocks.

In: the beginning, the tokens and the end of every call. Out: the newest records, at most 10,000.
Times are Unix seconds (for people) and monotonic nanoseconds, comparable between processes of one Linux machine
(for benchmarks: from a stop to the provider's closed connection).
"""

import enum
import time
from collections import deque

import msgspec


class Ended(enum.Enum):
    """How a call ended."""

    COMPLETED = "completed"  # everything was sent, with a finish reason
    CLIENT_CLOSED = "client_closed"  # the client left before the end
    STALLED = "stalled"  # a scripted silence lasted until the connection closed
    RESET = "reset"  # scripted
    TRUNCATED = "truncated"  # scripted
    REFUSED = "refused"  # scripted 429 or 500
    EXPIRED = "expired"  # lasted longer than any call may
    PROVIDER_STOPPED = "provider_stopped"  # the server shut down


class Instant(msgspec.Struct, frozen=True):
    """One moment on both clocks."""

    unix_seconds: float
    monotonic_ns: int

    @classmethod
    def now(cls) -> "Instant":
        return cls(time.time(), time.monotonic_ns())


class Call(msgspec.Struct, kw_only=True):
    """One call; while it runs, `ended` and the closing times are None.

    `number` counts them from 1 and seeds the answer, unless the request brought a seed. `script` is the name that it
    followed, `messages` the JSON that it received, `tokens_sent` counts whole tokens (without `stream`: those made so
    far).
    """

    id: str
    number: int
    model: str
    script: str
    stream: bool
    messages: msgspec.Raw
    started_at: float
    started_at_ns: int
    tokens_sent: int = 0
    first_token_at_ns: int | None = None
    ended: Ended | None = None
    closed_at: float | None = None
    closed_at_ns: int | None = None

    def token_sent(self, monotonic_ns: int) -> None:
        self.tokens_sent += 1
        if self.first_token_at_ns is None:
            self.first_token_at_ns = monotonic_ns

    def end(self, ended: Ended, at: Instant) -> None:
        """The first end counts: that the connection closes after a reset changes nothing."""
        if self.ended is None:
            self.ended = ended
            self.closed_at, self.closed_at_ns = at.unix_seconds, at.monotonic_ns


class Calls:
    """The record, newest last; beyond `limit` the oldest are forgotten."""

    def __init__(self, limit: int = 10_000) -> None:
        self._calls: deque[Call] = deque(maxlen=limit)

    def begin(self, call: Call) -> None:
        self._calls.append(call)

    def end_running(self, ended: Ended, at: Instant) -> None:
        for call in self._calls:
            call.end(ended, at)

    def newest_last(self, after: int = 0) -> list[Call]:
        """Those with a higher number than `after`: who asks again and again needs only what may have changed."""
        return [call for call in self._calls if call.number > after]

    def clear(self) -> None:
        self._calls.clear()
