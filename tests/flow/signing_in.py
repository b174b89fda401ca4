"""What the tests of signing in share: accounts, two edges on one broker, and requests as browsers send them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx

from infra.embedded_broker import embedded_broker
from producers.connected_producer import WriterSettings
from producers.kafka_address import KafkaAddress
from producers.kafka_writer import KafkaWriter
from producers.reply_producer import ReplyProducer
from schemas.frames import ServerFrame
from schemas.headers import ReplyAddress
from schemas.roles import Role
from schemas.topics import REPLIES
from tests.flow.running_edge import QUICK_HASHER, Person, Stage, stage
from ws_edge.reply_listener import ReplyListener, TakeReply
from ws_edge.signing_in.accounts import Accounts
from ws_edge.signing_in.passwords import Passwords
from ws_edge.signing_in.signing_out import SigningOut

PASSWORD = "correct horse battery staple"
COOKIE = "samvad-sign-in"
SOON_SECONDS = 5.0
"""How long the end of a sign-in may take to be known on every edge."""


class KafkaReplies:
    """`chat.replies` on a broker: a producer and a source in one."""

    def __init__(self, writer: KafkaWriter, bootstrap: str) -> None:
        self._producer = ReplyProducer(writer)
        self._listener = ReplyListener(KafkaAddress(bootstrap), rebuild_seconds=None, fetch_max_wait_ms=10)

    @property
    def ready(self) -> asyncio.Event:
        return self._listener.ready

    def lag_seconds(self) -> float:
        return self._listener.lag_seconds()

    def publish(self, user_id: str, frame: ServerFrame) -> asyncio.Future[None]:
        return self._producer.publish(user_id, frame)

    def publish_bytes(self, user_id: str, address: ReplyAddress, value: bytes) -> asyncio.Future[None]:
        return self._producer.publish_bytes(user_id, address, value)

    async def run(self, take: TakeReply, stop: asyncio.Event) -> None:
        await self._listener.run(take, stop)


@asynccontextmanager
async def two_edges(folder: Path, **settings: Any) -> AsyncIterator[tuple[Stage, Stage]]:
    """Two edges of one system: one broker, one store, one secret."""
    with embedded_broker({REPLIES.name: REPLIES.partitions}) as bootstrap:
        async with AsyncExitStack() as stack:
            edges = []
            for n in range(2):
                writer = await stack.enter_async_context(
                    KafkaWriter(WriterSettings(KafkaAddress(bootstrap), f"edge-{n}"))
                )
                edge = stage(folder, replies=KafkaReplies(writer, bootstrap), **settings)
                edges.append(await stack.enter_async_context(edge))
            for edge in edges:
                await edge.replies.ready.wait()
            yield edges[0], edges[1]


def accounts_of(scene: Stage) -> Accounts:
    """Local accounts on the store alone, as if no edge were told."""
    store = scene.store
    signing_out = SigningOut(store.sign_ins, store.users, store.api_keys, notices=None)
    return Accounts(store.users, Passwords(QUICK_HASHER), signing_out, lambda: 1)


async def an_account(scene: Stage, name: str, role: Role = Role.USER) -> str:
    """A local account with the usual password; its user's id."""
    return (await accounts_of(scene).add(name, PASSWORD, role)).user_id


def wish(name: str, password: str = PASSWORD) -> dict[str, str]:
    return {"name": name, "password": password}


async def tokens_of(scene: Stage, name: str) -> dict[str, str]:
    """Signs in as a program does."""
    async with scene.http(None) as http:
        response = await http.post("/v1/sign-in", json=wish(name))
        assert response.status_code == 200, response.text
        tokens: dict[str, str] = response.json()
        return tokens


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


@asynccontextmanager
async def browser(scene: Stage, name: str | None = None, **headers: str) -> AsyncIterator[httpx.AsyncClient]:
    """Our own page, which sends its Origin and keeps cookies; signed in if there is a name."""
    own = {"origin": scene.running.address}
    async with httpx.AsyncClient(base_url=scene.running.address, headers=own | headers, trust_env=False) as http:
        if name is not None:
            assert (await http.post("/v1/session", json=wish(name))).status_code == 200
        yield http


def cookie_of(http: httpx.AsyncClient) -> dict[str, str]:
    """Headers that carry the browser's cookie elsewhere."""
    return {"cookie": f"{COOKIE}={http.cookies[COOKIE]}"}


async def said_hello(scene: Stage, token: str) -> Person:
    """A session opened with this token, which the edge will have to end."""
    person = Person(await scene._connection())
    await person.say(type="hello", token=token)
    person.user_id = (await person.hear("ready"))["user_id"]
    return person


async def close_code_of_hello(scene: Stage, token: str) -> int | None:
    """How the edge closes a session that says this hello; None if it gets in."""
    async with scene.connected() as person:
        await person.say(type="hello", token=token)
        first = asyncio.create_task(person.socket.recv())
        await asyncio.wait([first])
        return None if first.exception() is None else person.socket.close_code
