"""Turns over REST, for whoever can't open a websocket: ask, read, see how it stands, stop (docs/rest-and-sse.md).

In: a signed-in request. Out: what a session would be told, as a status and a body. Asking, stopping and watching are
the sockets' own (`asking.py`, `stopping.py`, `watching.py`): each request is a brief session of its user.
"""

import uuid
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Response

from schemas.client_frames import Stop
from schemas.errors import ErrorCode
from schemas.frames import Accepted
from ws_edge.asking import Asking
from ws_edge.brief_session import Answer, BriefSession
from ws_edge.coming_back import SOON_MS
from ws_edge.current_user import CurrentIdentity, CurrentUser
from ws_edge.event_stream import EventStream, EventStreamResponse, StreamParts
from ws_edge.finding_turns import Place, TurnFinder
from ws_edge.readiness import Readiness
from ws_edge.request_pace import PaceParts
from ws_edge.rest_errors import RestError, not_found
from ws_edge.rest_models import AcceptedTurn, AskTurn, ErrorModel
from ws_edge.stopping import Stopping
from ws_edge.telling_again import TurnTeller

_STATUSES = {
    ErrorCode.NOT_FOUND: 404,
    ErrorCode.UNKNOWN_TURN: 404,
    ErrorCode.CONVERSATION_BUSY: 409,
    ErrorCode.TOO_MANY_REQUESTS: 429,
    ErrorCode.INTERNAL: 500,
}
Responses = dict[int | str, dict[str, Any]]
_ERRORS: Responses = {status: {"model": ErrorModel} for status in (401, 404, 409, 422, 429, 500, 503)}
_SNAPSHOT: Responses = {200: {"description": "The `snapshot` frame.", "content": {"application/json": {}}}}
_EVENTS: Responses = {
    200: {"description": "The turn's frames, one an event.", "content": {"text/event-stream": {}}},
    204: {"description": "The client has the turn's end: it need not come back."},
}

Cursor = Annotated[int | None, Query(ge=0, le=2**63 - 1, description="The last applied seq.")]
LastEventId = Annotated[int | None, Header(ge=0, le=2**63 - 1, description="The last applied seq, as browsers say it.")]


@dataclass(frozen=True, slots=True)
class TurnsApiParts:
    """What the routes work with."""

    streams: StreamParts
    asking: Asking
    stopping: Stopping
    teller: TurnTeller
    finder: TurnFinder
    readiness: Readiness
    pace: PaceParts


class TurnsApi:
    """The routes under `/v1/turns`, as methods."""

    def __init__(self, parts: TurnsApiParts) -> None:
        self._parts = parts

    def routes(self) -> APIRouter:
        """All of them, documented."""
        router = APIRouter(prefix="/v1/turns", responses=_ERRORS, tags=["turns"])
        router.add_api_route("", self.ask, methods=["POST"], status_code=202)
        router.add_api_route("/{turn_id}", self.show, methods=["GET"], responses=_SNAPSHOT, response_class=Response)
        router.add_api_route(
            "/{turn_id}/events", self.follow, methods=["GET"], responses=_EVENTS, response_class=Response
        )
        router.add_api_route("/{turn_id}/stop", self.stop, methods=["POST"], status_code=202)
        return router

    async def ask(self, user_id: CurrentUser, wish: AskTurn) -> AcceptedTurn:
        """Asks, or has a question answered again. The same `request_id` always gives the same turn, and one effect."""
        frame = wish.frame()
        with self._session_of(user_id) as session:
            self._parts.asking.ask(session.feed, frame)
            await self._parts.asking.until_answered(user_id, str(frame.conversation_id))
        accepted = [answer for answer in session.answers if isinstance(answer, Accepted)]
        if not accepted:
            raise _refusal(session.answers)
        return AcceptedTurn(turn_id=accepted[0].turn_id, request_id=accepted[0].request_id)

    async def show(self, user_id: CurrentUser, turn_id: uuid.UUID) -> Response:
        """How the turn stands now: all that there is of it, in one snapshot."""
        self._let_in(user_id)
        place = await self._find(user_id, turn_id)
        snapshot = await self._parts.teller.how_it_stands(user_id, place.conversation_id, place.turn_id)
        return Response(snapshot, media_type="application/json", headers={"cache-control": "no-store"})

    async def follow(
        self,
        identity: CurrentIdentity,
        turn_id: uuid.UUID,
        after: Cursor = None,
        last_event_id: LastEventId = None,
    ) -> Response:
        """The turn's frames as server-sent events, from the one after `Last-Event-ID` (or `after`) to its end."""
        notices_taken = self._parts.streams.signed_in.taken
        self._let_in(identity.user_id)
        place = await self._find(identity.user_id, turn_id)
        cursor = after if last_event_id is None else last_event_id
        if place.end_seq is not None and cursor == place.end_seq:
            return Response(status_code=204)
        self._let_in(identity.user_id)  # finding took a moment, in which others came
        stream = EventStream(self._parts.streams, identity, place, cursor, notices_taken)
        return EventStreamResponse(stream, self._parts.pace)

    async def stop(self, user_id: CurrentUser, turn_id: uuid.UUID) -> None:
        """Stops a turn, queued or running. How it ended its events tell; one that has ended already stays as it is."""
        self._let_in(user_id)
        place = await self._find(user_id, turn_id)
        with self._session_of(user_id) as session:
            self._parts.stopping.stop(session.feed, Stop(turn_id=turn_id))
            await self._parts.stopping.until_noted(place.turn_id)
        if session.answers:
            raise _refusal(session.answers)

    async def _find(self, user_id: str, turn_id: uuid.UUID) -> Place:
        place = await self._parts.finder.find(user_id, str(turn_id))
        if place is None:
            raise not_found()
        return place

    def _session_of(self, user_id: str) -> BriefSession:
        self._let_in(user_id)
        streams = self._parts.streams
        return BriefSession(user_id, streams.hub, streams.watcher, streams.settings)

    def _let_in(self, user_id: str) -> None:
        """As a socket is: not while this edge drains or does not know the turns yet, nor beyond the user's sessions."""
        streams = self._parts.streams
        if self._parts.readiness.refusal_of_session(len(streams.connected.sessions)) is not None:
            raise RestError(503, ErrorCode.OVERLOADED, SOON_MS)
        if streams.hub.sessions_of(user_id) >= streams.settings.max_sessions_per_user:
            raise RestError(429, ErrorCode.OVERLOADED, SOON_MS)


def _refusal(answers: list[Answer]) -> RestError:
    """Without any answer, as when the edge ends meanwhile, it is not known whether the broker has it."""
    answer = answers[0] if answers else None
    if answer is None or isinstance(answer, Accepted):
        return RestError(503, ErrorCode.ACCEPT_UNKNOWN, SOON_MS)
    code = ErrorCode.NOT_FOUND if answer.code is ErrorCode.UNKNOWN_TURN else answer.code
    retry_after_ms = getattr(answer, "retry_after_ms", None) or (SOON_MS if code.temporary else None)
    return RestError(_STATUSES.get(code, 503 if code.temporary else 422), code, retry_after_ms)
