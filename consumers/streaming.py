"""Step 7, the loop: pieces from the provider go into frames until the end, a fault, an interruption or the deadline."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from dataclasses import replace
from typing import Any, Protocol

from consumers.attempt import Attempt
from consumers.llm.pieces import End, EverythingBusy, ProviderFault, Told
from consumers.llm.questions import Question
from consumers.outcomes import Completed, Failed, Fenced, Outcome, Released, Stopped
from consumers.running_turns import Interruption
from schemas.errors import ErrorCode
from schemas.ids import seq_of
from store.errors import StoreUnavailable
from store.rows import Checkpoint

MAX_ANSWER_CHARACTERS = 200_000
CHECKPOINT_SECONDS = 2.0


class Door(Protocol):
    """Asks a model; raises ProviderFault."""

    def answer(self, question: Question) -> AsyncGenerator[Told, None]: ...


class Checkpoints(Protocol):
    """Where the text so far is kept while a turn runs."""

    async def save(self, turn_id: str, checkpoint: Checkpoint) -> None: ...
    async def newest(self, turn_id: str) -> Checkpoint | None: ...


class BeforeTheDoor(Protocol):
    """The attempt among those that wait for a provider. `after` raises ProviderFault if waiting has no sense."""

    async def after(self, busy: EverythingBusy) -> None: ...
    def answered(self) -> None: ...
    def look(self) -> None: ...


async def stream_answer(
    attempt: Attempt, door: Door, visit: BeforeTheDoor, checkpoints: Checkpoints, turn_seconds: float
) -> Outcome:
    """Streams until something ends it; on return the provider's connection is closed."""
    reading = asyncio.create_task(_read(attempt, door, visit))
    saving = asyncio.create_task(_save_now_and_then(attempt, checkpoints))
    try:
        enough: set[asyncio.Future[Any]] = {reading, attempt.running.interrupted}
        done, _ = await asyncio.wait(
            enough,
            timeout=attempt.seconds_left(turn_seconds),
            return_when=asyncio.FIRST_COMPLETED,
        )
        if reading in done:
            return reading.result()
        return _broken_off(attempt)
    finally:
        await _close(reading, saving)


def _broken_off(attempt: Attempt) -> Outcome:
    outcome = outcome_of(attempt.running.interruption)
    if attempt.running.interruption is None and attempt.running.is_waiting_for_provider:
        outcome = Failed(ErrorCode.PROVIDER_BUSY)
    if not isinstance(outcome, Released):  # the next attempt goes on from all that there is
        attempt.frames.discard_pending()
    return outcome


def outcome_of(interruption: Interruption | None) -> Outcome:
    """What an interruption makes of an attempt; no interruption means that its time was up."""
    match interruption:
        case Interruption.STOPPED:
            return Stopped()
        case Interruption.TAKEN:
            return Fenced()
        case Interruption.RELEASED:
            return Released()
        case None:
            return Failed(ErrorCode.DEADLINE_EXCEEDED)


async def _read(attempt: Attempt, door: Door, visit: BeforeTheDoor) -> Outcome:
    question = _question(attempt)
    try:
        while True:
            try:
                return await _ask(attempt, door, question, visit)
            except EverythingBusy as busy:
                visit.look()
                await attempt.frames.published_and_acknowledged()
                attempt.asked = attempt.legs.length > len(attempt.kept)
                await visit.after(busy)
                question = _once_more(question, attempt, busy)
    except ProviderFault as fault:
        return Failed(fault.code)
    finally:
        visit.look()


async def _ask(attempt: Attempt, door: Door, question: Question, visit: BeforeTheDoor) -> Outcome:
    legs, attempt.asked, is_first = attempt.legs, True, True
    if legs.length >= MAX_ANSWER_CHARACTERS:
        return Completed("length", None)
    async with aclosing(door.answer(question)) as telling:
        async for told in telling:
            if is_first:
                visit.answered()
            is_first = False
            if isinstance(told, End):
                attempt.answered_by = told.alias
                return Completed(told.finish_reason, told.usage)
            attempt.frames.add(told)
            legs.add(told)
            if legs.length > MAX_ANSWER_CHARACTERS:
                return Completed("length", None)
    return Failed(ErrorCode.ANSWER_CUT_OFF)


def _question(attempt: Attempt) -> Question:
    assert attempt.context is not None
    return Question(
        attempt.request.model,
        attempt.context.messages,
        attempt.row.conversation_id,
        attempt.place,
        user_id=attempt.row.user_id,
        kept=attempt.kept,
        kept_by=attempt.earlier.model if attempt.earlier else "",
    )


def _once_more(question: Question, attempt: Attempt, busy: EverythingBusy) -> Question:
    """Goes on from what is shown, whoever wrote it."""
    return replace(
        question,
        kept=attempt.frames.text,
        kept_by=attempt.frames.alias,
        broken_off=busy.broken_off,
        avoid=busy.failed,
    )


async def _save_now_and_then(attempt: Attempt, checkpoints: Checkpoints) -> None:
    saved_seq = seq_of(attempt.row.attempt, 0)
    if attempt.kept:
        # Whole and at once, so that a second death loses nothing of it.
        await attempt.frames.published_and_acknowledged()
        await save_text(attempt, checkpoints)
    while True:
        await asyncio.sleep(CHECKPOINT_SECONDS)
        if attempt.frames.next_seq - 1 == saved_seq:
            continue
        with suppress(StoreUnavailable):  # the next one carries all of the text again
            checkpoint = attempt.frames.checkpoint
            await checkpoints.save(attempt.row.turn_id, checkpoint)
            saved_seq = checkpoint.seq


async def save_text(attempt: Attempt, checkpoints: Checkpoints) -> None:
    """Saves the text as published, unless the store is away."""
    with suppress(StoreUnavailable):
        await checkpoints.save(attempt.row.turn_id, attempt.frames.checkpoint)


async def _close(*tasks: "asyncio.Task[Outcome] | asyncio.Task[None]") -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
