"""What a crowd's users do: a few at a time ask and read a whole answer, and some say `ping`. The others only listen.

In: a crowd with open sockets. Out: samples of the first delta and of ping to pong, in milliseconds; what went wrong.
"""

import asyncio
import random
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks.crowd import Crowd, Member
from schemas import codec
from schemas.client_frames import Ping, Send, Unwatch

ANSWER_SECONDS = 90.0
PINGS_PER_SECOND = 50.0
_PONG, _NONCE = "pong", "asked"
_NONCE_FIELD = b'"nonce"'
"""The edge's own pongs, which keep a silent line alive, have none."""
_BROKEN = ("failed", "rejected", "error", "stopped")


class Answer:
    """One that is being read."""

    __slots__ = ("_ended", "_first_delta_ms", "_has_begun", "_sent_at")

    def __init__(self, first_delta_ms: list[float]) -> None:
        self._sent_at = time.monotonic()
        self._has_begun = False
        self._first_delta_ms = first_delta_ms
        self._ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def hear(self, kind: str) -> None:
        if kind == "delta" and not self._has_begun:
            self._has_begun = True
            self._first_delta_ms.append((time.monotonic() - self._sent_at) * 1000)
        elif (kind == "completed" or kind in _BROKEN) and not self._ended.done():
            self._ended.set_result(kind)

    async def ended(self) -> str:
        """How. Raises TimeoutError."""
        async with asyncio.timeout(ANSWER_SECONDS):
            return await self._ended


class User:
    """One member's ears."""

    __slots__ = ("_pong_ms", "answer", "member", "pinged_at")

    def __init__(self, member: Member, pong_ms: list[float]) -> None:
        self.member = member
        self.answer: Answer | None = None
        self.pinged_at: float | None = None
        self._pong_ms = pong_ms
        member.heard = self.hear

    def hear(self, payload: bytes) -> None:
        kind = codec.kind_of_encoded(payload)
        if kind == _PONG:
            self._pong(payload)
        elif self.answer is not None:
            self.answer.hear(kind)

    def ping(self) -> None:
        if self.pinged_at is None and self.member.in_since is not None:
            self.pinged_at = time.monotonic()
            self.member.say(Ping(_NONCE))

    def _pong(self, payload: bytes) -> None:
        if self.pinged_at is not None and _NONCE_FIELD in payload:
            self._pong_ms.append((time.monotonic() - self.pinged_at) * 1000)
            self.pinged_at = None


class Figures:
    """Of all users together. `ends`: how answers ended; `silent` when none came in time."""

    def __init__(self) -> None:
        self.first_delta_ms: list[float] = []
        self.pong_ms: list[float] = []
        self.ends: Counter[str] = Counter()

    def begin(self) -> None:
        """Forgets what was before."""
        self.first_delta_ms.clear()
        self.pong_ms.clear()
        self.ends.clear()


class Users:
    """Everybody of a crowd, and their figures."""

    def __init__(self, crowd: Crowd) -> None:
        self.figures = Figures()
        self._users = [User(member, self.figures.pong_ms) for member in crowd.members]

    @contextmanager
    def talking(self, active: int, model: str) -> Iterator[None]:
        """While the block runs, so many ask at a time, and some ping. Answers under way at its end are not counted."""
        tasks = [asyncio.create_task(self._keep_talking(model)) for _ in range(active)]
        tasks.append(asyncio.create_task(self._keep_pinging()))
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()

    async def _keep_talking(self, model: str) -> None:
        await asyncio.sleep(random.uniform(0, 5))
        while True:
            user = random.choice(self._users)
            if user.answer is None and user.member.in_since is not None:
                await self._talk(user, model)

    async def _talk(self, user: User, model: str) -> None:
        conversation_id = uuid.uuid4()
        user.answer = Answer(self.figures.first_delta_ms)
        user.member.say(Send(uuid.uuid4(), conversation_id, "Say something.", model))
        try:
            self.figures.ends[await user.answer.ended()] += 1
        except TimeoutError:
            self.figures.ends["silent"] += 1
        finally:
            user.answer = None
        user.member.say(Unwatch(conversation_id))

    async def _keep_pinging(self) -> None:
        while True:
            random.choice(self._users).ping()
            await asyncio.sleep(1 / PINGS_PER_SECOND)
