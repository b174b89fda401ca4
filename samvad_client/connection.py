"""One websocket session with the edge, from the upgrade to its end. No reconnecting here.

In: the edge's address and a token. Out: server frames one by one, and at the end what the close code
means: `ConnectionLost`, `SignInAgain` or `SessionRefused`.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus, InvalidURI
from websockets.typing import Subprotocol

from samvad_client.errors import ConnectionLost, EdgeUnreachable, SamvadError, SessionRefused, SignInAgain, session_end
from schemas.client_frames import AnyClientFrame, Hello
from schemas.codec import Unreadable, decode_server_frame, encode
from schemas.errors import CloseCode
from schemas.frames import AnyServerFrame, Ready

SUBPROTOCOL = Subprotocol("samvad.v1")
ABNORMAL = 1006
OPEN_SECONDS = 10.0
CLOSE_SECONDS = 1.0
HEARTBEATS_OF_SILENCE = 2.0
MAX_SERVER_FRAME_BYTES = 16 * 1024 * 1024
"""A snapshot carries a whole answer; nothing larger is read."""

ServerSaid = AnyServerFrame | Unreadable


class Connection:
    """An open websocket."""

    def __init__(self, websocket: ClientConnection) -> None:
        self._websocket = websocket
        self._loop = asyncio.get_running_loop()
        self._silence_seconds = OPEN_SECONDS
        self._leave_at = float("inf")

    async def greet(self, token: str, heartbeats_of_silence: float) -> Ready:
        """Signs in. Raises the session's end: SignInAgain if the token is not good."""
        await self.send(Hello(token))
        while not isinstance(frame := await self.receive(), Ready):
            pass
        self._silence_seconds = frame.heartbeat_seconds * heartbeats_of_silence
        return frame

    async def send(self, frame: AnyClientFrame) -> None:
        """Raises the session's end."""
        try:
            await self._websocket.send(encode(frame), text=True)
        except ConnectionClosed as closed:
            raise _ended(closed) from closed

    async def receive(self) -> ServerSaid:
        """The next frame; one that this program cannot read comes as its `Unreadable`. Raises the session's end."""
        silent_at = self._loop.time() + self._silence_seconds
        try:
            async with asyncio.timeout_at(min(silent_at, self._leave_at)):
                data = await self._websocket.recv(decode=False)
        except ConnectionClosed as closed:
            raise _ended(closed) from closed
        except TimeoutError as timeout:
            raise self._timed_out() from timeout
        try:
            return decode_server_frame(data)
        except Unreadable as unreadable:
            return unreadable

    def leave_within(self, seconds: float) -> None:
        """Ends the session after so long, because the edge is going away."""
        self._leave_at = min(self._leave_at, self._loop.time() + seconds)

    def abort(self) -> None:
        """Cuts the TCP connection without a word, as a lost network does."""
        self._websocket.transport.abort()

    async def close(self) -> None:
        await self._websocket.close(CloseCode.NORMAL)

    def _timed_out(self) -> ConnectionLost:
        if self._loop.time() >= self._leave_at:
            return ConnectionLost(CloseCode.RESTART, "the edge is draining")
        # A peer that is silent will not answer a closing handshake either.
        self.abort()
        return ConnectionLost(ABNORMAL, "the edge fell silent")


@asynccontextmanager
async def open_connection(
    edge_url: str, token: str, *, heartbeats_of_silence: float = HEARTBEATS_OF_SILENCE
) -> AsyncIterator[tuple[Connection, Ready]]:
    """Connects and signs in; gives the session and the edge's greeting.

    Raises EdgeUnreachable, SignInAgain, SessionRefused or ConnectionLost.
    """
    connection = Connection(await _connect(edge_url))
    try:
        yield connection, await connection.greet(token, heartbeats_of_silence)
    finally:
        await connection.close()


async def _connect(edge_url: str) -> ClientConnection:
    try:
        websocket = await connect(
            websocket_url(edge_url),
            subprotocols=[SUBPROTOCOL],
            compression=None,
            ping_interval=None,
            open_timeout=OPEN_SECONDS,
            close_timeout=CLOSE_SECONDS,
            max_size=MAX_SERVER_FRAME_BYTES,
            proxy=None if is_loopback(edge_url) else True,
        )
    except InvalidStatus as refused:
        raise _refused(refused.response.status_code) from refused
    except InvalidURI as bad:
        raise SessionRefused(f"{edge_url} is not an address of an edge.") from bad
    except (InvalidHandshake, OSError, TimeoutError) as error:
        raise EdgeUnreachable(f"Nobody answers at {edge_url}.") from error
    if websocket.subprotocol != SUBPROTOCOL:
        await websocket.close()
        raise SessionRefused(f"The server at {edge_url} does not speak {SUBPROTOCOL}.")
    return websocket


def websocket_url(edge_url: str) -> str:
    """`http://host:8000` as `ws://host:8000/v1/ws`."""
    return "ws" + edge_url.removeprefix("http").rstrip("/") + "/v1/ws"


def is_loopback(edge_url: str) -> bool:
    """Whether the edge is on this machine, where no proxy can lead."""
    return urlsplit(edge_url).hostname in ("localhost", "127.0.0.1", "::1")


def _refused(status: int) -> SamvadError:
    if status == 401:
        return SignInAgain("The session is not signed in. Sign in again.")
    if status in (400, 403, 404, 426):
        return SessionRefused(f"The server refused the connection ({status}): is it a Samvad edge?")
    return EdgeUnreachable(f"The server cannot take a connection right now ({status}).")


def _ended(closed: ConnectionClosed) -> SamvadError:
    if closed.rcvd is None:
        return session_end(ABNORMAL, "no close frame came")
    return session_end(closed.rcvd.code, closed.rcvd.reason)
