"""A whole edge on a real socket, with what stands behind it under the test's control.

The store is the real one (SQLite), with a switch for its outage. The broker is a list in memory: what is published
comes back as a reply, in order; `asked_of_workers` is what the workers would be given.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import websockets
from argon2 import PasswordHasher
from websockets.asyncio.client import ClientConnection

from observability.edge_metrics import EdgeMetrics
from observability.monitoring import Monitored, monitoring
from observability.settings import AdminSettings
from observability.tracing import Tracing, untraced
from producers.reply_producer import address_of
from schemas import codec
from schemas.control import AnyNotice
from schemas.frames import ServerFrame
from schemas.headers import ReplyAddress
from schemas.requests import ChatRequest
from store.errors import StoreUnavailable
from store.sqlite.opening import SqliteStore, open_store
from tests.edge_turns import Turn
from ws_edge.building import EdgeParts
from ws_edge.clocks import Clocks
from ws_edge.dev_sign_in import DevSignIn
from ws_edge.edge import RunningEdge, edge
from ws_edge.models_offered import OfferedModels
from ws_edge.reply_listener import TakeReply
from ws_edge.settings import EdgeSettings
from ws_edge.signing_in.desk import DeskParts
from ws_edge.signing_in.passwords import Passwords

SECRET = b"for the tests of the edge, 32 bytes"
QUICK_HASHER = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
MODELS = OfferedModels("fast", {"fast": "Fast", "smart": "Smart"})
WAIT_SECONDS = 5


class Replies:
    """`chat.replies` in memory: a producer and a source in one."""

    def __init__(self) -> None:
        self.ready = asyncio.Event()
        self.ready.set()
        self.lag = 0.0
        self.published: list[tuple[str, ServerFrame]] = []
        self.broken: Exception | None = None
        self._queue: asyncio.Queue[tuple[str, ReplyAddress, bytes] | None] = asyncio.Queue()

    def publish(self, user_id: str, frame: ServerFrame) -> asyncio.Future[None]:
        self.published.append((user_id, frame))
        self._queue.put_nowait((user_id, address_of(frame), codec.encode(frame)))
        done = asyncio.get_running_loop().create_future()
        done.set_result(None)
        return done

    def publish_bytes(self, user_id: str, address: ReplyAddress, value: bytes) -> asyncio.Future[None]:
        self._queue.put_nowait((user_id, address, value))
        done = asyncio.get_running_loop().create_future()
        done.set_result(None)
        return done

    @property
    def is_read(self) -> bool:
        """The edge has taken all that was published."""
        return self._queue.empty()

    def lag_seconds(self) -> float:
        return self.lag

    def break_down(self, error: Exception) -> None:
        """As if reading had failed for good."""
        self.broken = error
        self._queue.put_nowait(None)

    async def run(self, take: TakeReply, stop: asyncio.Event) -> None:
        stopping = asyncio.create_task(stop.wait())
        stopping.add_done_callback(lambda _: self._queue.put_nowait(None))
        try:
            while (reply := await self._queue.get()) is not None:
                take(*reply, int(time.time() * 1000))
        finally:
            stopping.cancel()
        if self.broken is not None:
            raise self.broken


class Requests:
    """`chat.requests` in memory. `fail_with` is raised instead; `let_through` holds requests back while unset."""

    def __init__(self) -> None:
        self.asked: list[ChatRequest] = []
        self.fail_with: Exception | None = None
        self.let_through = asyncio.Event()
        self.let_through.set()

    async def ask(self, request: ChatRequest) -> None:
        await self.let_through.wait()
        if self.fail_with is not None:
            raise self.fail_with
        self.asked.append(request)


class Control:
    """`chat.control` in memory."""

    def __init__(self) -> None:
        self.notices: list[AnyNotice] = []
        self.fail_with: Exception | None = None

    async def notify(self, notice: AnyNotice) -> None:
        if self.fail_with is not None:
            raise self.fail_with
        self.notices.append(notice)


class Outage:
    """A table of the store that can be away."""

    def __init__(self, table: Any, is_away: Callable[[], bool]) -> None:
        self._table = table
        self._is_away = is_away

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._table, name)

        async def call(*arguments: Any, **options: Any) -> Any:
            if self._is_away():
                raise StoreUnavailable("switched off by the test")
            return await method(*arguments, **options)

        return call


@dataclass
class Stage:
    """An edge and what stands behind it."""

    running: RunningEdge
    parts: EdgeParts
    store: SqliteStore
    replies: Replies
    requests: Requests
    control: Control
    outage: asyncio.Event
    sign_in: DevSignIn
    later_seconds: list[float]
    monitored: Monitored

    def passes(self, seconds: float) -> None:
        """Time passes, for the edge."""
        self.later_seconds[0] += seconds

    def token(self, name: str) -> str:
        return self.sign_in.sign_in(name)[0]

    def user_id(self, name: str) -> str:
        return self.sign_in.sign_in(name)[1].user_id

    @property
    def websocket_url(self) -> str:
        return self.running.address.replace("http", "ws", 1) + "/v1/ws"

    @asynccontextmanager
    async def connected(self, **options: Any) -> AsyncIterator["Person"]:
        """A socket that has not said hello."""
        async with self._connection(**options) as socket:
            yield Person(socket)

    @asynccontextmanager
    async def person(self, name: str = "asha", **options: Any) -> AsyncIterator["Person"]:
        """A session that is open."""
        async with self._connection(**options) as socket:
            yield await self._greeted(socket, name)

    async def open(self, name: str = "asha", **options: Any) -> "Person":
        """A session that the edge will have to end."""
        return await self._greeted(await self._connection(**options), name)

    def _connection(self, **options: Any) -> websockets.connect:
        defaults: dict[str, Any] = {"subprotocols": ["samvad.v1"], "compression": None, "proxy": None, "max_size": None}
        return websockets.connect(self.websocket_url, **(defaults | options))

    async def _greeted(self, socket: ClientConnection, name: str) -> "Person":
        person = Person(socket)
        await person.say(type="hello", token=self.token(name))
        person.user_id = (await person.hear("ready"))["user_id"]
        return person

    def publish(self, user_id: str, *frames: ServerFrame) -> None:
        """As a worker does."""
        for frame in frames:
            self.replies.publish(user_id, frame)

    def http(self, name: str | None = "asha") -> httpx.AsyncClient:
        headers = {} if name is None else {"authorization": f"Bearer {self.token(name)}"}
        return httpx.AsyncClient(base_url=self.running.address, headers=headers, trust_env=False)


class Person:
    """One end of a websocket."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.user_id = ""

    async def say(self, **frame: Any) -> None:
        await self.socket.send(json.dumps(frame))

    async def hear(self, kind: str | None = None) -> dict[str, Any]:
        """The next frame, which must be of this kind. `queued` is heard by those who listen for it only: a turn
        that a test leaves unstarted may wait long enough, or not.
        """
        frame: dict[str, Any] = {"type": "queued"}
        async with asyncio.timeout(WAIT_SECONDS):
            while frame["type"] == "queued":
                frame = json.loads(await self.socket.recv())
                if kind == "queued":
                    break
        assert kind is None or frame["type"] == kind, frame
        return frame

    async def hear_all(self, *kinds: str) -> list[dict[str, Any]]:
        """The next frames, which must be of these kinds."""
        return [await self.hear(kind) for kind in kinds]

    async def hears_nothing_more(self) -> None:
        """Nothing was said up to here: the pong is next."""
        await self.say(type="ping", nonce="anything?")
        assert await self.hear() == {"type": "pong", "nonce": "anything?"}

    async def close_code(self) -> int | None:
        """Reads on until the edge closes; the code it gave."""
        closed = await self.closed()
        return None if closed is None else closed[0]

    async def closed(self) -> tuple[int, str] | None:
        """Reads on until the edge closes: its code and its reason."""
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                while True:
                    await self.socket.recv()
        except websockets.ConnectionClosed as closed:
            return None if closed.rcvd is None else (closed.rcvd.code, closed.rcvd.reason)


@asynccontextmanager
async def stage(
    folder: Path, tracing: Tracing | None = None, replies: Any = None, desk: Any = None, **settings: Any
) -> AsyncIterator[Stage]:
    """An edge for one test. `replies`: another producer and source; `desk`: other parts of signing in."""
    defaults: dict[str, Any] = {"port": 0, "drain_seconds": 0.1}
    replies, requests, control, outage = replies or Replies(), Requests(), Control(), asyncio.Event()
    sign_in, later_seconds = DevSignIn(SECRET), [0.0]
    admin = AdminSettings(admin_port=0)
    async with open_store(folder / "samvad.db") as store, monitoring(admin) as monitored:
        parts = EdgeParts(
            desk=desk_parts(store, replies, outage.is_set, later_seconds, desk or {}),
            dev_sign_in=sign_in,
            models=MODELS,
            source=replies,
            requests=requests,
            replies=replies,
            control=control,
            turns=Outage(store.turns, outage.is_set),
            checkpoints=Outage(store.checkpoints, outage.is_set),
            messages=Outage(store.messages, outage.is_set),
            conversations=Outage(store.conversations, outage.is_set),
            tracing=tracing or untraced(),
            clocks=Clocks(now=lambda: time.monotonic() + later_seconds[0]),
            health=monitored.health,
            metrics=EdgeMetrics(monitored.registry),
        )
        async with edge(EdgeSettings(**(defaults | settings)), parts) as running:
            monitored.is_up()
            yield Stage(running, parts, store, replies, requests, control, outage, sign_in, later_seconds, monitored)


def desk_parts(
    store: SqliteStore, notices: Any, is_away: Callable[[], bool], later_seconds: list[float], other: dict[str, Any]
) -> DeskParts:
    """Signing in, with passwords that cost no time. For it the calendar goes on too when time passes."""
    parts: dict[str, Any] = {
        "secret": SECRET,
        "users": Outage(store.users, is_away),
        "sign_ins": Outage(store.sign_ins, is_away),
        "used_tickets": Outage(store.used_tickets, is_away),
        "api_keys": Outage(store.api_keys, is_away),
        "notices": notices,
        "passwords": Passwords(QUICK_HASHER),
        "clocks": Clocks(
            now=lambda: time.monotonic() + later_seconds[0],
            epoch_ms=lambda: int((time.time() + later_seconds[0]) * 1000),
        ),
    }
    return DeskParts(**parts | other)


async def until(condition: Callable[[], bool]) -> None:
    """Waits for something that is about to become true."""
    async with asyncio.timeout(WAIT_SECONDS):
        while True:
            if condition():
                return
            await asyncio.sleep(0.005)


async def watch(person: Person, turn: Turn, **after: int) -> dict[str, Any]:
    """Watches the turn's conversation; `seq=5` asks for the turn from there."""
    cursors = {"after": {turn.turn_id: after["seq"]}} if after else {}
    await person.say(type="watch", conversation_id=turn.conversation_id, **cursors)
    return await person.hear("watching")
