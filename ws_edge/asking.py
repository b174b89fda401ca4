"""The accept step: a `send` becomes a durable request, then `accepted`, then `asked` for all devices (DESIGN 6.1).

In: a `send` or `regenerate` frame. Out: `rejected` before anything was produced; or `accepted` once the broker has the
record (G1); or `error{accept_unknown}`. Nothing here runs in a socket's read loop (W4), and what began survives it.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Protocol

import structlog

from observability.edge_metrics import EdgeMetrics
from producers.errors import NotAttempted, OutcomeUnknown, RecordRefused, RecordTooLarge
from schemas import codec
from schemas.client_frames import Regenerate, Send
from schemas.clock import rfc3339
from schemas.errors import ErrorCode
from schemas.frames import Accepted, Asked, ErrorFrame, Rejected, error_frame, rejected_frame
from schemas.headers import ReplyAddress
from schemas.ids import turn_id_of
from schemas.parts import UserMessage
from schemas.requests import Ask, AskAgain, ChatRequest
from store.errors import StoreUnavailable
from ws_edge.admission import names_message_in_flight, refusal_of_frame
from ws_edge.announcing import Announcer
from ws_edge.asking_again import Messages, unfinished_request, with_its_question
from ws_edge.attempts import Attempts
from ws_edge.clocks import Clocks
from ws_edge.coming_back import SOON_MS
from ws_edge.errands import Errands, Work
from ws_edge.feed import Feed
from ws_edge.hub import Hub
from ws_edge.models_offered import OfferedModels
from ws_edge.refusing import AboutToOpen, Admission, Refusal
from ws_edge.telling_again import TurnTeller
from ws_edge.turn_pace import TurnPace
from ws_edge.watching import Watcher

log = structlog.get_logger(__name__)


class Requests(Protocol):
    """Writes requests for the workers."""

    async def ask(self, request: ChatRequest) -> None:
        """Returns when the broker has it. Raises NotAttempted, OutcomeUnknown or RecordRefused."""


@dataclass(frozen=True, slots=True)
class AskingParts:
    """What asking works with."""

    requests: Requests
    messages: Messages
    models: OfferedModels
    admission: Admission
    pace: TurnPace
    hub: Hub
    watcher: Watcher
    teller: TurnTeller
    announcer: Announcer
    errands: Errands
    clocks: Clocks
    metrics: EdgeMetrics


class Asking:
    """Accepts what users send. Requests of one conversation are accepted one after the other, in their order."""

    def __init__(self, parts: AskingParts, max_characters: int) -> None:
        self._parts = parts
        self._turns = parts.hub.turns
        self._max_characters = max_characters
        self._about_to_open: Counter[str] = Counter()
        self._attempts = Attempts()

    def ask(self, feed: Feed, frame: Send | Regenerate) -> None:
        """Begins to accept. What can be refused at once is refused at once."""
        conversation_id = str(frame.conversation_id)
        refusal = refusal_of_frame(frame, self._parts.models, self._max_characters)
        if refusal is not None:
            self._answer(feed, rejected_frame(str(frame.request_id), refusal))
            return
        request = self._request(feed.user_id, frame)
        if not self._parts.watcher.may_watch(feed, conversation_id):
            self._refuse(feed, request, Refusal(ErrorCode.TOO_MANY_WATCHED))
            return
        broken = partial(feed.say, _unknown(request))
        is_behind = self._parts.errands.is_under_way(_line(feed.user_id, conversation_id))
        if self.after_asks(feed, conversation_id, partial(self._accept, feed, request), broken):
            self._parts.watcher.follow(feed, conversation_id)
        elif is_behind:
            # What is under way there may be this very request, sent twice.
            self._answer(feed, _unknown(request))
        else:
            self._refuse(feed, request, Refusal(ErrorCode.OVERLOADED, SOON_MS))

    def after_asks(self, feed: Feed, conversation_id: str, work: Work, broken: Callable[[], None]) -> bool:
        """Begins `work` once all that this user asked here so far is accepted or refused. False: too much under way."""
        return self._parts.errands.start(feed, _line(feed.user_id, conversation_id), work, broken)

    async def until_answered(self, user_id: str, conversation_id: str) -> None:
        """Returns once all that this user asked here so far is accepted or refused, and was told so."""
        await self._parts.errands.until_done(_line(user_id, conversation_id))

    async def _accept(self, feed: Feed, request: ChatRequest) -> None:
        """From the client's frame to `accepted`."""
        if self._is_known(request):
            await self._parts.teller.accept_again(feed, request)
        elif refusal := self._refusal(request):
            await self._refuse_new(feed, request, refusal)
        else:
            with self._counted(request.user_id):
                await self._open(feed, request)

    async def _refuse_new(self, feed: Feed, request: ChatRequest, refusal: Refusal) -> None:
        """Another edge may have accepted it, and its `asked` be still on its way: what is known is never refused."""
        if await self._parts.teller.is_stored(request):
            await self._parts.teller.accept_again(feed, request)
        else:
            self._refuse(feed, request, refusal)

    async def _open(self, feed: Feed, request: ChatRequest) -> None:
        checked = await self._checked(request)
        if isinstance(checked, ErrorCode):
            self._refuse(feed, request, Refusal(checked))
        else:
            await self._give_to_workers(feed, checked)

    async def _give_to_workers(self, feed: Feed, request: ChatRequest) -> None:
        began_at = self._parts.clocks.now()
        answer = await self._produce(request)
        self._answer(feed, answer)
        if isinstance(answer, Accepted):
            self._parts.metrics.accepted(self._parts.clocks.now() - began_at)
            self._tell_all(request)

    def _refuse(self, feed: Feed, request: ChatRequest, refusal: Refusal) -> None:
        """Says `rejected`, unless an earlier try of the same request may have worked."""
        self._answer(feed, self._refused(request, refusal))

    def _refused(self, request: ChatRequest, refusal: Refusal) -> Rejected | ErrorFrame:
        if request.turn_id in self._attempts:
            return _unknown(request)
        return rejected_frame(request.request_id, refusal.code, refusal.retry_after_ms)

    def _answer(self, feed: Feed, answer: Accepted | Rejected | ErrorFrame) -> None:
        if isinstance(answer, Rejected):
            self._parts.metrics.rejected(answer.code)
        feed.say(answer)

    @contextmanager
    def _counted(self, user_id: str) -> Iterator[None]:
        """While the store and the broker are awaited, the turn takes one of the user's places already."""
        self._about_to_open[user_id] += 1
        try:
            yield
        finally:
            self._about_to_open[user_id] -= 1
            if not self._about_to_open[user_id]:
                del self._about_to_open[user_id]

    async def _produce(self, request: ChatRequest) -> Accepted | Rejected | ErrorFrame:
        """Writes the request; the answer for the client is `rejected` only if nothing was produced, now or before."""
        was_tried = request.turn_id in self._attempts
        self._attempts.begin(request.turn_id)
        try:
            await self._parts.requests.ask(request)
        except (NotAttempted, RecordRefused) as error:
            if not was_tried:
                self._attempts.settle(request.turn_id)
            return self._refused(request, _reason_of(error, request.turn_id))
        except (OutcomeUnknown, StoreUnavailable) as error:
            log.warning("accept_unknown", turn_id=request.turn_id, reason=repr(error))
            return _unknown(request)
        self._attempts.settle(request.turn_id)
        return Accepted(request.request_id, request.turn_id)

    def _tell_all(self, request: ChatRequest) -> None:
        """`asked`: to this edge's sessions at once, to all edges through the log."""
        asked = Asked(
            conversation_id=request.conversation_id,
            turn_id=request.turn_id,
            seq=0,
            request_id=request.request_id,
            user_message=_question_of(request),
            model=request.model,
        )
        address = ReplyAddress(codec.kind_of(asked), asked.conversation_id, asked.turn_id, asked.seq)
        now = self._parts.clocks.now()
        self._parts.hub.route(request.user_id, address, codec.encode(asked), now)
        self._parts.hub.note_accepted(request.turn_id, now)
        self._parts.pace.asked(request.user_id, now, now)
        self._parts.announcer.announce(request.user_id, asked)

    def _is_known(self, request: ChatRequest) -> bool:
        where = (request.user_id, request.conversation_id, request.turn_id)
        return self._turns.open_here(*where) is not None or self._turns.ended_here(*where) is not None

    def _refusal(self, request: ChatRequest) -> Refusal | None:
        opening = AboutToOpen(self._about_to_open[request.user_id], self._about_to_open.total())
        return self._parts.admission.refusal(request, self._turns, opening, self._parts.clocks.now())

    async def _checked(self, request: ChatRequest) -> ChatRequest | ErrorCode:
        """The request as the workers get it, or why the message that it names is none to go on from."""
        if isinstance(request, AskAgain):
            return await with_its_question(request, self._parts.messages, self._turns)
        return request if await self._has_its_parent(request) else ErrorCode.UNKNOWN_PARENT

    async def _has_its_parent(self, request: ChatRequest) -> bool:
        """True also when the store can't say: then the worker decides, and the turn may end as `failed`."""
        if request.parent_id is None or names_message_in_flight(request, self._turns):
            return True
        try:
            message = await self._parts.messages.one(request.user_id, request.conversation_id, request.parent_id)
        except StoreUnavailable:
            return True
        return message is not None

    def _request(self, user_id: str, frame: Send | Regenerate) -> ChatRequest:
        model = self._parts.models.alias(frame.model) or self._parts.models.default
        now_ms = self._parts.clocks.epoch_ms()
        if isinstance(frame, Regenerate):
            return unfinished_request(user_id, frame, model, now_ms)
        conversation_id, request_id = str(frame.conversation_id), str(frame.request_id)
        return Ask(
            user_id=user_id,
            conversation_id=conversation_id,
            turn_id=turn_id_of(user_id, conversation_id, request_id),
            request_id=request_id,
            text=frame.text,
            model=model,
            parent_id=None if frame.parent_id is None else str(frame.parent_id),
            on_busy=frame.on_busy or "queue",
            accepted_at=rfc3339(now_ms),
        )


def _line(user_id: str, conversation_id: str) -> tuple[str, str, str]:
    """What is asked in one conversation goes one after the other."""
    return ("ask", user_id, conversation_id)


def _reason_of(error: NotAttempted | RecordRefused, turn_id: str) -> Refusal:
    """What a client is told."""
    if isinstance(error, NotAttempted):
        return Refusal(ErrorCode.OVERLOADED, error.retry_after_ms)
    if isinstance(error, RecordTooLarge):
        return Refusal(ErrorCode.QUESTION_TOO_LONG)
    log.error("request_refused", turn_id=turn_id, reason=str(error))
    return Refusal(ErrorCode.INTERNAL)


def _unknown(request: ChatRequest) -> ErrorFrame:
    return error_frame(ErrorCode.ACCEPT_UNKNOWN, request_id=request.request_id)


def _question_of(request: ChatRequest) -> UserMessage:
    """As `asked` shows it. A new question has no id before the turn's first claim."""
    question_id = request.question_id if isinstance(request, AskAgain) else None
    return UserMessage(request.text, request.parent_id, question_id)
