"""Step 7, the loop: pieces from the provider go into frames until the end, a fault, an interruption or the deadline."""

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from typing import Any, Protocol

from consumers.attempt import Attempt
from consumers.llm.pieces import End, ProviderFault, Told
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


async def stream_answer(attempt: Attempt, door: Door, checkpoints: Checkpoints, turn_seconds: float) -> Outcome:
    """Streams until something ends it; on return the provider's connection is closed."""
    reading = asyncio.create_task(_read(attempt, door))
    saving = asyncio.create_task(_save_now_and_then(attempt, checkpoints))
    try:
        enough: set[asyncio.Future[Any]] = {reading, attempt.running.interrupted}
        done, _ = await asyncio.wait(
            enough,
            timeout=_seconds_left(attempt, turn_seconds),
            return_when=asyncio.FIRST_COMPLETED,
        )
        if reading in done:
            return reading.result()
        return _broken_off(attempt)
    finally:
        await _close(reading, saving)


def _broken_off(attempt: Attempt) -> Outcome:
    outcome = outcome_of(attempt.running.interruption)
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


async def _read(attempt: Attempt, door: Door) -> Outcome:
    legs = attempt.legs
    if legs.length >= MAX_ANSWER_CHARACTERS:
        return Completed("length", None)
    try:
        async with aclosing(door.answer(_question(attempt))) as telling:
            async for told in telling:
                if isinstance(told, End):
                    attempt.answered_by = told.alias
                    return Completed(told.finish_reason, told.usage)
                attempt.frames.add(told)
                legs.add(told)
                if legs.length > MAX_ANSWER_CHARACTERS:
                    return Completed("length", None)
    except ProviderFault as fault:
        return Failed(fault.code)
    return Failed(ErrorCode.ANSWER_CUT_OFF)


def _question(attempt: Attempt) -> Question:
    assert attempt.context is not None
    return Question(
        attempt.request.model,
        attempt.context.messages,
        attempt.row.conversation_id,
        attempt.place,
        kept=attempt.kept,
        kept_by=attempt.earlier.model if attempt.earlier else "",
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


def _seconds_left(attempt: Attempt, turn_seconds: float) -> float:
    first_claimed_at_ms = attempt.row.first_claimed_at_ms or 0
    return max(0.0, turn_seconds - (time.time() - first_claimed_at_ms / 1000))


async def _close(*tasks: "asyncio.Task[Outcome] | asyncio.Task[None]") -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
