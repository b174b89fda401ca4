"""A client that stays connected: asks, resumes, re-sends, until its context is left.

In: the edge's address and a token. Out: `TurnHandle`s and `ConversationView`s, right across reconnects (G3, G4).
What to say and what to believe is decided in `state.py`; the socket is `link.py`'s; here is the waiting.
"""

import asyncio
import uuid
from collections import defaultdict
from collections.abc import Callable
from types import TracebackType
from typing import Self

from samvad_client.backoff import Backoff
from samvad_client.connection import HEARTBEATS_OF_SILENCE, ServerSaid
from samvad_client.conversation_view import ConversationView
from samvad_client.errors import ClientClosed, EdgeRefused, QuestionTooLong, SamvadError
from samvad_client.link import Link, SignIn
from samvad_client.state import ClientState, Reaction
from samvad_client.turn_handle import Bell, TurnHandle
from samvad_client.turn_view import TurnView
from schemas.client_frames import MAX_FRAME_BYTES, AnyClientFrame, OnBusy, Regenerate, Send, Stop
from schemas.codec import Unreadable, encode
from schemas.frames import Accepted, AnyServerFrame, Ready, Watching
from schemas.ids import new_id


class SamvadClient:
    """`async with SamvadClient(edge_url, token) as client: answer = await client.ask(conversation_id, text).ended()`.

    `sign_in` gives a fresh token when the edge takes the old one no more; without it that ends the client.
    `on_frame` sees every frame that arrives, or the reason why one could not be read.
    `on_connection` hears True and False as sessions begin and end; `connected` says the same as an event.
    """

    def __init__(
        self,
        edge_url: str,
        token: str,
        *,
        sign_in: SignIn | None = None,
        on_frame: Callable[[ServerSaid], None] | None = None,
        on_connection: Callable[[bool], None] | None = None,
        heartbeats_of_silence: float = HEARTBEATS_OF_SILENCE,
    ) -> None:
        self.connected = asyncio.Event()
        self.failure: SamvadError | None = None
        self._on_frame, self._on_connection = on_frame, on_connection
        self._link = Link(edge_url, token, self, sign_in, heartbeats_of_silence)
        self._state = ClientState()
        self._bells: defaultdict[str, Bell] = defaultdict(Bell)
        self._retrying = Backoff()
        self._retry_timer: asyncio.TimerHandle | None = None
        self._running: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._running = asyncio.create_task(self._run())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._running is not None:
            self._running.cancel()
            await asyncio.wait([self._running])
        self._end(ClientClosed("The client was closed."))

    def ask(
        self,
        conversation_id: str,
        text: str,
        model: str | None = None,
        *,
        parent_id: str | None = None,
        on_busy: OnBusy = "queue",
    ) -> TurnHandle:
        """Asks, now or as soon as there is a connection. Raises QuestionTooLong.

        `conversation_id` is a UUID; a new one begins a conversation. `model` is an alias (None: the edge's default),
        `parent_id` the message to go on from (None: the newest), `on_busy` what if the conversation is being answered.
        """
        request_id = new_id()
        parent = None if parent_id is None else uuid.UUID(parent_id)
        send = Send(uuid.UUID(request_id), uuid.UUID(conversation_id), text, model, parent, on_busy=on_busy)
        if len(encode(send)) > MAX_FRAME_BYTES:
            raise QuestionTooLong("The message is too long to be sent. Shorten it.")
        self._link.say(self._state.ask(send))
        return self._handle(conversation_id, lambda conversation: conversation.turn_of(request_id))

    def regenerate(self, conversation_id: str, message_id: str, model: str | None = None) -> TurnHandle:
        """Has a stored question of the conversation answered again, beside the answers that it has."""
        request_id = new_id()
        again = Regenerate(uuid.UUID(request_id), uuid.UUID(conversation_id), uuid.UUID(message_id), model)
        self._link.say(self._state.ask(again))
        return self._handle(conversation_id, lambda conversation: conversation.turn_of(request_id))

    def follow(self, turn: TurnView) -> TurnHandle:
        """The handle of a turn of a watched conversation, which another device may have asked for."""
        return self._handle(turn.conversation_id, lambda _: turn)

    async def watch(self, conversation_id: str) -> ConversationView:
        """Receives a conversation's frames from now on; back when the edge has named its open turns.

        Raises EdgeRefused, and the client's own end.
        """
        conversation = self._state.conversation(conversation_id)
        conversation.refusal = None
        before = conversation.watched
        self._link.say(self._state.watch(conversation_id))
        while conversation.watched == before:
            self._check(conversation)
            await self._bells[conversation_id].rung()
        return conversation

    def unwatch(self, conversation_id: str) -> None:
        """Forgets a conversation; who still waits for a turn of it gets ClientClosed."""
        self._link.say(self._state.unwatch(conversation_id))
        self._bells.pop(conversation_id, Bell()).ring()

    def stop_turn(self, turn: TurnView) -> None:
        """See `TurnHandle.stop`."""
        self._link.say(self._state.stop(turn))

    def drop_connection(self) -> None:
        """For tests: cuts the TCP connection, as a lost network does."""
        self._link.drop()

    def go_to(self, edge_url: str) -> None:
        """The next session is opened at another edge of the same system, with everything that this one knows."""
        self._link.go_to(edge_url)

    def opened(self, ready: Ready) -> list[AnyClientFrame]:
        """The link's: a session begins."""
        self.connected.set()
        if self._on_frame is not None:
            self._on_frame(ready)
        if self._on_connection is not None:
            self._on_connection(True)
        return self._state.opened()

    def heard(self, said: ServerSaid) -> None:
        """The link's: a frame came."""
        if self._on_frame is not None:
            self._on_frame(said)
        if not isinstance(said, Unreadable):
            self._take(said)

    def lost(self) -> None:
        """The link's: the session ended."""
        self.connected.clear()
        if self._on_connection is not None:
            self._on_connection(False)

    async def _run(self) -> None:
        try:
            await self._link.run()
        except SamvadError as error:
            self._end(error)
        except Exception as bug:
            # The edge of this library's process: whoever waits for a turn must hear of it, not wait for ever.
            failure = SamvadError(f"The client broke: {bug!r}")
            failure.__cause__ = bug
            self._end(failure)

    def _take(self, frame: AnyServerFrame) -> None:
        reaction = self._state.receive(frame)
        self._link.say(reaction.say)
        if _shows_that_it_works(frame, reaction):
            self._retrying.worked()
        if reaction.retry_later and self._retry_timer is None:
            pause_seconds = self._retrying.next_seconds()
            self._retry_timer = asyncio.get_running_loop().call_later(pause_seconds, self._retry)
        for conversation_id in reaction.changed:
            self._bells[conversation_id].ring()

    def _retry(self) -> None:
        self._retry_timer = None
        self._link.say(self._state.retry())

    def _handle(self, conversation_id: str, find: Callable[[ConversationView], TurnView | None]) -> TurnHandle:
        def view() -> TurnView:
            conversation = self._state.conversations.get(conversation_id)
            turn = None if conversation is None else find(conversation)
            if turn is None:
                raise ClientClosed("The conversation is not watched any more.")
            return turn

        return TurnHandle(self, self._bells[conversation_id], view)

    def _check(self, conversation: ConversationView) -> None:
        if (refusal := conversation.refusal) is not None:
            raise EdgeRefused(refusal.code, refusal.text, temporary=refusal.temporary)
        if self.failure is not None:
            raise self.failure

    def _end(self, failure: SamvadError) -> None:
        self.failure = self.failure or failure
        if self._retry_timer is not None:
            self._retry_timer.cancel()
        for bell in self._bells.values():
            bell.ring()


def _shows_that_it_works(frame: AnyServerFrame, reaction: Reaction) -> bool:
    """A reply to `watch` that leads to one more stop shows nothing: that stop may be refused like the one before."""
    is_watching = isinstance(frame, Watching) and not any(isinstance(said, Stop) for said in reaction.say)
    return is_watching or isinstance(frame, Accepted)
