"""Puts an edge together: the only place here that knows which part works with which.

In: the settings, and what the composition root brings. Out: the application, and what has to run beside it.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

import structlog
from fastapi import APIRouter

from observability.edge_metrics import EdgeMetrics
from observability.health import Health
from observability.tracing import Tracing, untraced
from schemas.edge_notices import SIGNED_OUT
from schemas.headers import ReplyAddress
from schemas.topics import REQUESTS
from store import stop_marks
from ws_edge import asking, asking_again, changing_conversations, looking_up, rest, stopping, watch_reading
from ws_edge.address_limits import AddressLimits, AddressRules
from ws_edge.announcing import Announcer, Replies
from ws_edge.app import EdgeApp, http_app
from ws_edge.asking import Asking, AskingParts
from ws_edge.changing_conversations import ConversationChanger
from ws_edge.clocks import Clocks
from ws_edge.connected import Connected
from ws_edge.dev_sign_in import ISSUER as DEV_ISSUER
from ws_edge.dev_sign_in import DevSignIn
from ws_edge.dev_sign_in_route import dev_sign_in_routes
from ws_edge.edge_numbers import NumbersOfEdge
from ws_edge.errands import Errands
from ws_edge.event_stream import StreamParts
from ws_edge.finding_turns import TurnFinder
from ws_edge.health import health_routes
from ws_edge.hub import Hub
from ws_edge.looking_up import TurnLookup
from ws_edge.loopback import is_loopback
from ws_edge.models_offered import OfferedModels
from ws_edge.open_session import SessionParts, SessionSignIn
from ws_edge.pace import Pace
from ws_edge.queue_telling import QueueTeller
from ws_edge.readiness import Readiness
from ws_edge.refusing import Admission, AdmissionRules
from ws_edge.reply_listener import TakeReply
from ws_edge.request_pace import PaceParts
from ws_edge.rest import RestApi
from ws_edge.settings import EdgeSettings
from ws_edge.signing_in.desk import Desk, DeskParts
from ws_edge.signing_in.routes import sign_in_routes
from ws_edge.sockets import Sockets
from ws_edge.stopping import Stopping, StoppingParts
from ws_edge.sweeping import Sweeper
from ws_edge.telling_again import TurnTeller
from ws_edge.turn_pace import TurnPace
from ws_edge.turn_spans import TurnSpans
from ws_edge.turns_in_flight import TurnsInFlight
from ws_edge.turns_rest import TurnsApi, TurnsApiParts
from ws_edge.waiting_lines import WaitingLines
from ws_edge.watch_reading import WatchReader
from ws_edge.watching import Watcher

log = structlog.get_logger(__name__)


class ReplySource(Protocol):
    """Where replies come from: `ReplyListener`, or a fake."""

    @property
    def ready(self) -> asyncio.Event: ...
    def lag_seconds(self) -> float: ...
    async def run(self, take: TakeReply, stop: asyncio.Event) -> None: ...


class Turns(looking_up.TurnRows, stop_marks.TurnRows, watch_reading.OpenTurns, Protocol):
    """The store's turns."""


class Messages(asking_again.Messages, rest.Messages, Protocol):
    """The store's messages."""


class Conversations(watch_reading.Conversations, rest.Conversations, changing_conversations.Conversations, Protocol):
    """The store's conversations."""


class Control(stopping.Control, changing_conversations.Control, Protocol):
    """The notices to all workers."""


@dataclass(frozen=True, slots=True)
class EdgeParts:
    """What the composition root brings. `dev_sign_in` adds its route; `routers` are served beside the REST API.

    `request_partitions`: how many partitions `chat.requests` has, as far as is known.
    """

    desk: DeskParts
    models: OfferedModels
    source: ReplySource
    requests: asking.Requests
    replies: Replies
    control: Control
    turns: Turns
    checkpoints: looking_up.Checkpoints
    messages: Messages
    conversations: Conversations
    dev_sign_in: DevSignIn | None = None
    routers: tuple[APIRouter, ...] = ()
    request_partitions: Callable[[], int] = lambda: REQUESTS.partitions
    clocks: Clocks = field(default_factory=Clocks)
    tracing: Tracing = field(default_factory=untraced)
    health: Health = field(default_factory=Health)
    metrics: EdgeMetrics = field(default_factory=EdgeMetrics)


@dataclass(frozen=True, slots=True)
class Built:
    """An edge's running parts."""

    app: EdgeApp
    connected: Connected
    hub: Hub
    lookup: TurnLookup
    watcher: Watcher
    errands: Errands
    sweeper: Sweeper
    queue_teller: QueueTeller
    readiness: Readiness
    clocks: Clocks
    metrics: EdgeMetrics
    spans: TurnSpans
    desk: Desk
    pace: TurnPace

    def take_reply(self, user_id: str, address: ReplyAddress, raw: bytes, written_at_ms: int) -> None:
        """The next reply of the log."""
        self.metrics.replies.add(address.kind)
        if address.kind == SIGNED_OUT:
            self.desk.sockets.hear(user_id, raw)
            return
        if address.seq == 0:
            self._note_pace(user_id, address, written_at_ms)
        if sessions := self.hub.route(user_id, address, raw, self.clocks.now()):
            self.spans.handed_over(address, written_at_ms, sessions)

    def _note_pace(self, user_id: str, address: ReplyAddress, written_at_ms: int) -> None:
        """Turns that other edges accepted count as well; `asked` is repeated, and those accepted here are known."""
        turns, turn_id = self.hub.turns, address.turn_id or ""
        if turns.open_turn(turn_id) is None and turns.ended_turn(turn_id) is None:
            now, age_ms = self.clocks.now(), self.clocks.epoch_ms() - written_at_ms
            self.pace.asked(user_id, now - max(0, age_ms) / 1000, now)


def build(settings: EdgeSettings, parts: EdgeParts, port: int) -> Built:
    """Connects the parts; nothing runs yet."""
    turns = TurnsInFlight(lines=WaitingLines(parts.request_partitions))
    hub = Hub(turns, Pace(parts.metrics.first_delta, parts.metrics.gap))
    spans = TurnSpans(parts.tracing)
    announcer = Announcer(parts.replies)
    pace = TurnPace(settings.turns_per_minute)
    lookup = TurnLookup(parts.turns, parts.checkpoints, hub, parts.clocks.now)
    hub.look_up = lookup.want
    reader = WatchReader(hub.turns, lookup, parts.conversations, parts.turns, parts.clocks.now)
    watcher = Watcher(hub, lookup, reader, settings.max_watched, spans)
    errands = Errands(settings.max_errands)
    desk = _desk(settings, parts)
    shared = _Shared(hub, lookup, watcher, announcer, errands, spans, desk, pace)
    session_parts = _session_parts(settings, parts, shared)
    readiness = Readiness(settings.max_sessions, parts.source.ready.is_set, parts.source.lag_seconds)
    parts.health.ready_unless(readiness.reason_not_ready)
    origins = frozenset(settings.allowed_origins) | own_origins(settings.host, port)
    connected, addresses = Connected(), AddressLimits(_address_rules(settings))
    sockets = Sockets(session_parts, readiness, origins, connected, addresses)
    parts.metrics.read_from(NumbersOfEdge(connected, hub, parts.source.lag_seconds))
    request_pace = PaceParts(addresses, parts.clocks, parts.metrics)
    turns_api = _turns_api(parts, session_parts, lookup, connected, readiness, request_pace)
    routers = [*_routers(settings, parts, hub, announcer), turns_api.routes(), sign_in_routes(desk)]
    http = http_app(desk, routers, origins, request_pace)
    sweeper = Sweeper(hub, lookup, announcer, parts.clocks)
    queue_teller = QueueTeller(hub, parts.clocks, parts.source.ready.is_set)
    hub.note_waiting = queue_teller.note
    running = (connected, hub, lookup, watcher, errands, sweeper, queue_teller, readiness)
    app = EdgeApp(sockets, http, settings.trusted_proxies)
    return Built(app, *running, parts.clocks, parts.metrics, spans, desk, pace)


def own_origins(host: str, port: int) -> frozenset[str]:
    """On loopback, the edge's own page may connect, by whichever name it was opened."""
    if not is_loopback(host):
        return frozenset()
    return frozenset(f"http://{name}:{port}" for name in ("127.0.0.1", "localhost", "[::1]"))


@dataclass(frozen=True, slots=True)
class _Shared:
    hub: Hub
    lookup: TurnLookup
    watcher: Watcher
    announcer: Announcer
    errands: Errands
    spans: TurnSpans
    desk: Desk
    pace: TurnPace


def _session_parts(settings: EdgeSettings, parts: EdgeParts, shared: _Shared) -> SessionParts:
    asks = Asking(
        AskingParts(
            requests=parts.requests,
            messages=parts.messages,
            models=parts.models,
            admission=Admission(_admission_rules(settings), shared.pace),
            pace=shared.pace,
            hub=shared.hub,
            watcher=shared.watcher,
            teller=TurnTeller(shared.hub.turns, shared.lookup),
            announcer=shared.announcer,
            errands=shared.errands,
            clocks=parts.clocks,
            metrics=parts.metrics,
        ),
        settings.max_question_characters,
    )
    stopping_parts = StoppingParts(
        parts.turns, parts.control, shared.hub, asks, shared.errands, shared.lookup, shared.spans
    )
    stops = Stopping(stopping_parts)
    desk = shared.desk
    check = SessionSignIn(desk.check_hello, desk.check_cookie, desk.sockets)
    return SessionParts(settings, check, shared.hub, shared.watcher, asks, stops, parts.clocks, parts.metrics)


def _desk(settings: EdgeSettings, parts: EdgeParts) -> Desk:
    """Development tokens are taken where they are given out only."""
    dev_sign_in = parts.dev_sign_in if settings.has_dev_sign_in else None
    return Desk(parts.desk, dev_sign_in, DEV_ISSUER, parts.metrics.sign_in_tried)


def _turns_api(
    parts: EdgeParts,
    session: SessionParts,
    lookup: TurnLookup,
    connected: Connected,
    readiness: Readiness,
    pace: PaceParts,
) -> TurnsApi:
    """REST goes the sockets' way: through the very parts that sessions have."""
    return TurnsApi(
        TurnsApiParts(
            streams=StreamParts(
                session.settings,
                session.hub,
                session.watcher,
                connected,
                session.sign_in.sockets,
                session.metrics,
                parts.desk.clocks,
            ),
            asking=session.asking,
            stopping=session.stopping,
            teller=TurnTeller(session.hub.turns, lookup),
            finder=TurnFinder(session.hub.turns, parts.turns, parts.conversations, parts.clocks.now),
            readiness=readiness,
            pace=pace,
        )
    )


def _address_rules(settings: EdgeSettings) -> AddressRules:
    return AddressRules(
        settings.max_connections_per_address, settings.new_connections_per_minute, settings.rest_requests_per_second
    )


def _admission_rules(settings: EdgeSettings) -> AdmissionRules:
    return AdmissionRules(settings.max_open_turns, settings.max_waiting_turns, settings.max_wait_seconds)


def _routers(settings: EdgeSettings, parts: EdgeParts, hub: Hub, announcer: Announcer) -> list[APIRouter]:
    changer = ConversationChanger(parts.conversations, parts.control, announcer, hub.turns, parts.clocks)
    rest_api = RestApi(parts.messages, parts.conversations, changer, parts.models)
    routers = [health_routes(parts.health), rest_api.routes(), *parts.routers]
    if parts.dev_sign_in is not None and settings.has_dev_sign_in:
        if settings.dev_sign_in:
            log.warning("anybody_may_be_anybody", setting="SAMVAD_DEV_SIGN_IN")
        routers.append(dev_sign_in_routes(parts.dev_sign_in, behind_proxy=settings.dev_sign_in))
    return routers
