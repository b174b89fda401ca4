"""What an edge counts: sockets, frames each way, and what people wait for.

In: per frame one plain addition, per delta one observation, everything else per ask or per session. What the edge keeps
anyway is read at the scrape.
"""

from collections.abc import Iterable
from typing import Protocol, get_args

from prometheus_client import CollectorRegistry, Counter, Histogram

from observability.metrics import (
    ANSWER_SECONDS,
    OTHER,
    QUICK_SECONDS,
    OneThreadHistogram,
    ReadAtScrape,
    new_registry,
)
from schemas.client_frames import AnyClientFrame
from schemas.frames import AnyServerFrame

UNREADABLE = "unreadable"
CLIENT_LEFT = "client_left"


class EdgeNumbers(Protocol):
    """What a running edge keeps. All of it may be asked on any thread."""

    def connections(self) -> float: ...
    def sessions(self) -> float: ...
    def turns_in_flight(self) -> float: ...
    def reply_lag_seconds(self) -> float: ...


class Tally:
    """Counts by names of a closed list. Added to by one thread only, so without a lock."""

    def __init__(self, names: Iterable[str]) -> None:
        self.counts: dict[str, int] = dict.fromkeys([*names, OTHER], 0)

    def add(self, name: str) -> None:
        """A name that is not on the list counts as `other`: labels must not grow with what comes in."""
        try:
            self.counts[name] += 1
        except KeyError:
            self.counts[OTHER] += 1


class EdgeMetrics:
    """An edge's own metrics, in a registry that may hold others beside them."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self._registry = registry or new_registry()
        self._read = ReadAtScrape(self._registry)
        self.received = Tally([*_types_of(AnyClientFrame), UNREADABLE])
        self.sent = Tally(_types_of(AnyServerFrame))
        self.replies = Tally(_types_of(AnyServerFrame))
        self._show_tallies()
        self._closes = self._counter(
            "samvad_sessions_closed", "Sockets and event streams that are over, by who or what ended them", "by"
        )
        self._rejections = self._counter("samvad_rejections", "Questions that were not accepted", "code")
        refused = "Websocket upgrades that were refused, by the limit or rule that did it"
        self._refusals = self._counter("samvad_upgrades_refused", refused, "reason")
        limited = "REST requests refused because their address asked too fast, or had too many streams"
        self._limited = Counter("samvad_requests_refused", limited, registry=self._registry)
        self._sign_ins = Counter("samvad_sign_ins", "Tries to sign in", ["way", "outcome"], registry=self._registry)
        self._accept = self._seconds("samvad_accept_seconds", "From a question's turn to `accepted`", QUICK_SECONDS)
        first = "From `accepted` to the first delta handed to a session, at the edge that accepted"
        self._first_delta = self._seconds("samvad_first_delta_seconds", first, ANSWER_SECONDS)
        between = "Between two deltas of a turn that somebody watches"
        self.gap = OneThreadHistogram("samvad_delta_gap_seconds", between, ANSWER_SECONDS, self._registry).observe

    def _show_tallies(self) -> None:
        shown = (
            ("samvad_frames_received_total", "Frames that clients sent", self.received),
            ("samvad_frames_sent_total", "Frames written to sockets and event streams", self.sent),
            ("samvad_replies_read_total", "Records read from chat.replies", self.replies),
        )
        for name, meaning, tally in shown:
            self._read.counters(name, meaning, "type", tally.counts.copy)

    def _counter(self, name: str, meaning: str, label: str) -> Counter:
        return Counter(name, meaning, [label], registry=self._registry)

    def _seconds(self, name: str, meaning: str, buckets: tuple[float, ...]) -> Histogram:
        return Histogram(name, meaning, registry=self._registry, buckets=buckets)

    def closed(self, by: str | None) -> None:
        """`by`: why this edge closed, such as `too_slow` (4409); None: the client left."""
        self._closes.labels(by or CLIENT_LEFT).inc()

    def rejected(self, code: str) -> None:
        self._rejections.labels(code).inc()

    def upgrade_refused(self, reason: str) -> None:
        """`reason`: a name of a closed list, never anything of the request."""
        self._refusals.labels(reason).inc()

    def requests_refused(self) -> None:
        self._limited.inc()

    def sign_in_tried(self, way: str, outcome: str) -> None:
        """Both are names of closed lists."""
        self._sign_ins.labels(way, outcome).inc()

    def accepted(self, seconds: float) -> None:
        self._accept.observe(seconds)

    def first_delta(self, seconds: float) -> None:
        self._first_delta.observe(seconds)

    def read_from(self, edge: EdgeNumbers) -> None:
        """Shows what the edge keeps."""
        read = self._read
        read.gauge("samvad_connections", "Open websockets and event streams", edge.connections)
        read.gauge("samvad_sessions", "Those that have signed in", edge.sessions)
        read.gauge("samvad_turns_in_flight", "Open turns that this edge knows, of all users", edge.turns_in_flight)
        read.gauge("samvad_reply_lag_seconds", "How long this edge has been behind the replies", edge.reply_lag_seconds)


def _types_of(family: object) -> list[str]:
    """The `type` of each frame of a union."""
    return [str(frame.__struct_config__.tag) for frame in get_args(family)]
