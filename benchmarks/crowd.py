"""Very many users in one process, each with one socket, who come back when it is lost, as the client library does.

In: where the edge is, how many. Out: open sockets, each frame's payload to whoever plays the user, and a record of what
went wrong. Connects are spread over time: a crowd does not press enter in the same millisecond.
"""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from benchmarks.lean_socket import LeanSocket, connect
from benchmarks.polling import until
from samvad_client.backoff import Backoff
from schemas.client_frames import AnyClientFrame

USERS_PER_SOURCE = 1000
"""From each of 127.0.0.1, 127.0.0.2, ..."""
OPEN_SECONDS = 60.0
READY = b'{"type":"ready"'


@dataclass(slots=True)
class Record:
    """What happened to a crowd in one phase of a run. Moments are monotonic seconds."""

    tried_at: list[float] = field(default_factory=list)
    ready_at: list[float] = field(default_factory=list)
    refused: int = 0
    """Nobody listened."""
    lost: Counter[str] = field(default_factory=Counter)
    """Sockets that ended, by close code; `cut` without one."""


def most_in_a_second(moments: list[float]) -> int:
    """How many fell into the fullest one."""
    return max(Counter(int(moment) for moment in moments).values(), default=0)


class Member:
    """One user and the socket of the moment. `heard` gets each frame; `greet` is called when a session begins."""

    __slots__ = (
        "_backoff",
        "_crowd",
        "_socket",
        "_source",
        "_token",
        "greet",
        "heard",
        "heard_at",
        "in_since",
        "number",
    )

    def __init__(self, crowd: "Crowd", number: int, token: str) -> None:
        self.number = number
        self.in_since: float | None = None
        self.heard_at = 0.0
        self.heard: Callable[[bytes], None] = _ignore
        self.greet: Callable[[], None] = _nothing
        self._crowd = crowd
        self._token = token
        self._source = f"127.0.0.{1 + number // USERS_PER_SOURCE}"
        self._backoff = Backoff()
        self._socket: LeanSocket | None = None

    async def come(self) -> None:
        """Connects and signs in; tries again until that works, with the client library's pauses."""
        while True:
            self._crowd.record.tried_at.append(time.monotonic())
            self._socket = LeanSocket(self._crowd.address, self._token, self._hear, self._ended)
            try:
                return await connect(self._crowd.address, self._source, self._socket)
            except OSError:
                self._crowd.record.refused += 1
                await asyncio.sleep(self._backoff.next_seconds())

    def say(self, frame: AnyClientFrame) -> None:
        if self._socket is not None:
            self._socket.say(frame)

    def leave(self) -> None:
        if self._socket is not None:
            self._socket.leave()

    def _hear(self, payload: bytes) -> None:
        self.heard_at = time.monotonic()
        if payload.startswith(READY):
            self.in_since = self.heard_at
            self._crowd.is_in()
            self.greet()
        else:
            self.heard(payload)

    def _ended(self, code: int | None) -> None:
        if self.in_since is not None:
            self._backoff.worked(time.monotonic() - self.in_since)
        was_in, self._socket, self.in_since = self.in_since is not None, None, None
        self._crowd.lost(self, was_in, code, self._backoff.next_seconds())


class Crowd:
    """All of them. Whoever is lost comes back. `address` and `record` may be replaced at any time."""

    def __init__(self, address: tuple[str, int], tokens: list[str]) -> None:
        self.address = address
        self.record = Record()
        self.members = [Member(self, number, token) for number, token in enumerate(tokens)]
        self.ins = 0
        self._came = 0
        self._is_leaving = False
        self._coming: set[asyncio.Task[None]] = set()

    async def come(self, count: int, per_second: float) -> None:
        """The next `count` connect, each at a random moment. Raises TimeoutError."""
        seconds = count / per_second
        for member in self.members[self._came : self._came + count]:
            self._come_after(member, random.uniform(0, seconds))
        self._came += count
        await self.all_in(seconds + OPEN_SECONDS)

    async def all_in(self, within_seconds: float) -> None:
        """Returns once everybody who came has a session. Raises TimeoutError."""
        await until(lambda: self.ins == self._came, within_seconds)

    def leave(self) -> None:
        """Nobody comes back."""
        self._is_leaving = True
        for task in self._coming:
            task.cancel()
        for member in self.members:
            member.leave()

    def is_in(self) -> None:
        """Told by a member: its session began."""
        self.ins += 1
        self.record.ready_at.append(time.monotonic())

    def lost(self, member: Member, was_in: bool, code: int | None, pause_seconds: float) -> None:
        """Told by a member: its socket is gone."""
        if self._is_leaving:
            return
        self.ins -= was_in
        self.record.lost["cut" if code is None else str(code)] += 1
        self._come_after(member, pause_seconds)

    def _come_after(self, member: Member, seconds: float) -> None:
        task = asyncio.create_task(_later(seconds, member))
        self._coming.add(task)
        task.add_done_callback(self._coming.discard)


async def _later(seconds: float, member: Member) -> None:
    await asyncio.sleep(seconds)
    await member.come()


def _ignore(_payload: bytes) -> None:
    """For a member whose frames nobody wants."""


def _nothing() -> None:
    """For a member that says nothing but `hello`."""
