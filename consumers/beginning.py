"""Steps 4 and 5: the claim is won while the past is read; then the context is built and the attempt starts.

What can't be answered (deleted conversation, unknown parent, question too long) becomes an ending here, because an
accepted turn must end visibly whatever is wrong with it (G2).
"""

import asyncio
from dataclasses import dataclass
from typing import Protocol

from consumers.attempt import Attempt
from consumers.attempt_frames import AttemptFrames
from consumers.claimer import Claimer
from consumers.claiming import Ended, Take
from consumers.context import QuestionTooLong, build_context, room_for_path
from consumers.endings import messages_of
from consumers.history import ConversationGone, History, Path, UnknownParent
from consumers.llm.pieces import Piece
from consumers.llm.prefill import to_go_on_from
from consumers.new_conversations import announce_new_conversation
from consumers.outcomes import Ending, Failed, Stopped
from consumers.patience import until_it_works
from consumers.processing import Processing
from consumers.running_turns import RunningTurn
from consumers.streaming import Checkpoints
from consumers.taking import TakenRequest
from observability import conventions as c
from observability.turn_trace import spanning
from producers.reply_producer import ReplyProducer
from schemas.errors import ErrorCode
from schemas.models_file import OnFault
from schemas.requests import AskAgain, ChatRequest
from store.rows import TurnRow

MAX_BROKEN_ATTEMPTS = 2
NO_PATH = Path((), None, is_warm=False)


class ModelFacts(Protocol):
    """What must be known of a model before it is asked; `system_prompt_of` raises KeyError for an unknown alias."""

    def system_prompt_of(self, alias: str) -> str | None: ...
    def budget_tokens(self, alias: str) -> int: ...
    def on_takeover(self, alias: str) -> OnFault: ...


@dataclass(frozen=True, slots=True)
class BeginnerParts:
    """What beginning needs."""

    claimer: Claimer
    history: History
    models: ModelFacts
    checkpoints: Checkpoints
    replies: ReplyProducer
    merge_seconds: float


class Beginner:
    """Makes an Attempt of a taken request."""

    def __init__(self, parts: BeginnerParts) -> None:
        self._parts = parts

    async def begin(self, taken: TakenRequest, turn: RunningTurn, look: Processing) -> Attempt | Ended:
        """The claim and, read meanwhile, the conversation's past."""
        request = taken.request
        reading = asyncio.create_task(self._read_path(taken))
        try:
            claimed = await self._claim(taken, turn, look)
            if isinstance(claimed, Ended):
                return claimed
            is_broken = turn.broken_attempts >= MAX_BROKEN_ATTEMPTS
            path, failure = (NO_PATH, ErrorCode.INTERNAL) if is_broken else await reading
        finally:
            reading.cancel()
        row = claimed.row
        frames = AttemptFrames(self._parts.replies.publish, row, request.model, self._parts.merge_seconds)
        attempt = Attempt(request, turn, claimed, row, path, frames, look.place, cannot_be_answered=failure)
        if row.attempt > 1 and not is_broken:
            attempt.earlier = await until_it_works(self._parts.checkpoints.newest, row.turn_id)
        announce_new_conversation(self._parts.replies, attempt)
        return attempt

    async def start(self, attempt: Attempt) -> None:
        """Builds the context, if a model is going to be asked or was, by an attempt whose bill must be estimated;
        and shows that the attempt began.
        """
        if attempt.row.attempt > 1 or self.ending_without_the_model(attempt) is None:
            self._observe_context(attempt)
        await attempt.frames.start(attempt.request.request_id, attempt.path.parent_id, attempt.take.reason)

    def _observe_context(self, attempt: Attempt) -> None:
        with spanning(attempt.place.start(c.CONTEXT)) as span:
            span.set_attribute(c.CONTEXT_SOURCE, "warm" if attempt.path.is_warm else "store")
            self._build_context(attempt)
            if attempt.context is not None:
                span.set_attribute(c.CONTEXT_MESSAGES, len(attempt.context.messages))
                span.set_attribute(c.CONTEXT_DROPPED, attempt.context.dropped)
                span.set_attribute(c.CONTEXT_TOKENS, attempt.context.input_tokens)

    def ending_without_the_model(self, attempt: Attempt) -> Ending | None:
        """The ending of an attempt that must not ask anybody, if it is one."""
        if attempt.take.stops:
            return Stopped()
        code = attempt.take.fails_with or attempt.cannot_be_answered or self._broken_off(attempt)
        return Failed(code) if code else None

    def _broken_off(self, attempt: Attempt) -> ErrorCode | None:
        """Of an alias whose answers are written in one go: the one before this attempt was not."""
        was_begun = attempt.earlier is not None and attempt.earlier.text
        return ErrorCode.ANSWER_CUT_OFF if was_begun and self._rule(attempt) is OnFault.FAIL else None

    def _rule(self, attempt: Attempt) -> OnFault:
        return self._parts.models.on_takeover(attempt.request.model)

    def go_on_from_earlier_text(self, attempt: Attempt) -> None:
        """What an earlier attempt had written is published again and gone on from, if the model can.

        If it can't, the answer is written from its beginning, and nothing of the old text is shown.
        """
        if attempt.earlier is None or self._rule(attempt) is not OnFault.CONTINUE:
            return
        attempt.kept = to_go_on_from(attempt.earlier.text)
        if attempt.kept:
            attempt.frames.add(Piece(attempt.kept))

    async def show_earlier_text(self, attempt: Attempt) -> None:
        """An attempt is self-contained: what an earlier one had written is published again, then kept."""
        if attempt.earlier is not None and attempt.earlier.text:
            attempt.frames.add(Piece(attempt.earlier.text))
            await attempt.frames.published_and_acknowledged()

    def known_title(self, row: TurnRow) -> str | None:
        """The conversation's title, if it is warm here: notices of a new name reach it at any time."""
        return self._parts.history.known_title(row.user_id, row.conversation_id)

    def remember(self, attempt: Attempt, ended: TurnRow, title: str | None) -> None:
        """Keeps the finished turn warm for the next question; without a title the conversation is gone."""
        where = (ended.user_id, ended.conversation_id)
        if attempt.running.conversation_dropped or title is None:
            self._parts.history.forget(*where)
            return
        path = Path(attempt.path.messages, title, is_warm=True)
        self._parts.history.remember(*where, path, messages_of(ended))

    def forget(self, ended: TurnRow) -> None:
        """Another worker may have ended this turn: what is warm here lacks it, and the next question follows it.

        A worker that slept through a rebalance comes here before it learns that it lost the partition.
        """
        self._parts.history.forget(ended.user_id, ended.conversation_id)

    async def _claim(self, taken: TakenRequest, turn: RunningTurn, look: Processing) -> Take | Ended:
        claimed = await self._parts.claimer.claim(taken.request, turn.waiting_for_another, turn.pause)
        look.claimed(claimed)
        # Before it is announced, or our own notice would say that somebody else took the turn.
        turn.attempt = claimed.row.attempt
        if isinstance(claimed, Take):
            turn.held = claimed.row
            await self._parts.claimer.announce(claimed.row)
        return claimed

    async def _read_path(self, taken: TakenRequest) -> tuple[Path, ErrorCode | None]:
        request = taken.request
        where, room_tokens = (request.user_id, request.conversation_id), self._room_tokens(request)
        failure = ErrorCode.UNREADABLE if taken.unreadable else None
        try:
            try:
                if isinstance(request, AskAgain) and request.parent_id is None:
                    return await self._parts.history.path_to_the_first(*where), failure
                return await self._parts.history.path(*where, request.parent_id, room_tokens), failure
            except UnknownParent:
                # The failed turn is kept at the newest message, or the next question would begin from nothing.
                return await self._parts.history.path(*where, None, room_tokens), ErrorCode.UNKNOWN_PARENT
        except ConversationGone:
            return NO_PATH, ErrorCode.CONVERSATION_DELETED
        except UnknownParent:
            return NO_PATH, ErrorCode.UNKNOWN_PARENT

    def _room_tokens(self, request: ChatRequest) -> int:
        """For the conversation's past; none if the model is unknown, which is said when the context is built."""
        models = self._parts.models
        try:
            system_prompt = models.system_prompt_of(request.model)
            return room_for_path(system_prompt, request.text, models.budget_tokens(request.model))
        except KeyError:
            return 0

    def _build_context(self, attempt: Attempt) -> None:
        if attempt.cannot_be_answered is not None:
            return
        models, request = self._parts.models, attempt.request
        try:
            attempt.context = build_context(
                models.system_prompt_of(request.model),
                attempt.path.messages,
                request.text,
                models.budget_tokens(request.model),
            )
        except QuestionTooLong:
            attempt.cannot_be_answered = ErrorCode.QUESTION_TOO_LONG
        except KeyError:
            attempt.cannot_be_answered = ErrorCode.UNKNOWN_MODEL
