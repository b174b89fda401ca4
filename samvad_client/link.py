"""Keeps one session with the edge open for as long as it runs: connects, signs in, comes back after every loss.

In: frames to say while there is a session. Out: to its listener, each new session, each frame, each loss. What is said
without a session is lost: the listener says again at `opened` what matters.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from random import random
from typing import Protocol

from samvad_client.backoff import Backoff
from samvad_client.connection import HEARTBEATS_OF_SILENCE, Connection, ServerSaid, open_connection
from samvad_client.errors import ConnectionLost, EdgeUnreachable, SamvadError, SignInAgain
from schemas.client_frames import AnyClientFrame
from schemas.frames import Draining, Ready

SignIn = Callable[[], Awaitable[str]]


class Listener(Protocol):
    """Who hears the link. None of these may block."""

    def opened(self, ready: Ready) -> Iterable[AnyClientFrame]:
        """A session begins; answers with the first frames to say."""

    def heard(self, said: ServerSaid) -> None:
        """A frame came, or one that could not be read."""

    def lost(self) -> None:
        """The session ended."""


class Link:
    """`run()` ends only by being cancelled or by an error that no reconnecting mends."""

    def __init__(
        self,
        edge_url: str,
        token: str,
        listener: Listener,
        sign_in: SignIn | None = None,
        heartbeats_of_silence: float = HEARTBEATS_OF_SILENCE,
    ) -> None:
        self._edge_url, self._token, self._sign_in = edge_url, token, sign_in
        self._heartbeats_of_silence = heartbeats_of_silence
        self._listener = listener
        self._backoff = Backoff()
        self._connection: Connection | None = None
        self._outgoing: asyncio.Queue[AnyClientFrame] = asyncio.Queue()
        self._token_is_fresh = False

    async def run(self) -> None:
        """Raises SignInAgain or SessionRefused."""
        while True:
            try:
                await self._session()
            except SignInAgain as expired:
                await self._renew_token(expired)
            except (ConnectionLost, EdgeUnreachable):
                pass  # the listener heard of it; the next session is the answer
            await asyncio.sleep(self._backoff.next_seconds())

    def say(self, frames: Iterable[AnyClientFrame]) -> None:
        if self._connection is not None:
            for frame in frames:
                self._outgoing.put_nowait(frame)

    def go_to(self, edge_url: str) -> None:
        """The next session is opened there."""
        self._edge_url = edge_url

    def drop(self) -> None:
        """Cuts the TCP connection, if there is one, as a lost network does."""
        if self._connection is not None:
            self._connection.abort()

    async def _session(self) -> None:
        opening = open_connection(self._edge_url, self._token, heartbeats_of_silence=self._heartbeats_of_silence)
        async with opening as (connection, ready):
            began = asyncio.get_running_loop().time()
            self._begin(connection, ready)
            writer = asyncio.create_task(self._write(connection))
            try:
                await self._read(connection)
            finally:
                writer.cancel()
                self._connection = None
                self._backoff.worked(asyncio.get_running_loop().time() - began)
                self._listener.lost()

    def _begin(self, connection: Connection, ready: Ready) -> None:
        self._connection = connection
        self._outgoing = asyncio.Queue()
        self._token_is_fresh = False
        self.say(self._listener.opened(ready))

    async def _write(self, connection: Connection) -> None:
        try:
            while True:
                await connection.send(await self._outgoing.get())
        except SamvadError:
            return  # the reader meets the same end and tells it

    async def _read(self, connection: Connection) -> None:
        while True:
            said = await connection.receive()
            if isinstance(said, Draining):
                connection.leave_within(random() * said.reconnect_within_ms / 1000)
            self._listener.heard(said)

    async def _renew_token(self, expired: SignInAgain) -> None:
        if self._sign_in is None or self._token_is_fresh:
            raise expired
        try:
            self._token = await self._sign_in()
            self._token_is_fresh = True
        except EdgeUnreachable:
            return  # the edge went away between the two; the next try finds the old token expired again
