"""Step 8 of a message's life: the end is stored by one compare-and-set, and what follows from it is written.

`conclude` stores the end if the attempt is still ours; `follow_up` writes the derived rows, the terminal frame and the
bill. `follow_up` is also the repair after a crash anywhere in between: the same row always gives the same writes.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import msgspec
import structlog

from consumers.attempt import Attempt
from consumers.attempt_frames import terminal_address
from consumers.claimer import Turns
from consumers.claiming import is_mine
from consumers.endings import (
    NO_USAGE,
    bills_of,
    finished_row,
    messages_of,
    moment_of_end,
    stopped_row,
    usage_by_attempt,
    usage_of,
    with_parent,
)
from consumers.history import Conversations
from consumers.outcomes import Ending, Outcome
from consumers.patience import until_it_works
from consumers.titles import title_from
from producers.reply_producer import ReplyProducer
from schemas.clock import rfc3339
from schemas.errors import ErrorCode
from schemas.frames import ConversationChanged
from schemas.parts import Usage
from schemas.usage import UsageRecord
from store.rows import MessageRow, TurnRow, released_row

log = structlog.get_logger(__name__)


class MessageWriter(Protocol):
    """Where messages are written; a deleted conversation takes nothing that is older than its deletion."""

    async def append(
        self, user_id: str, conversation_id: str, rows: Sequence[MessageRow], written_at_ms: int
    ) -> None: ...


class ConversationWriter(Conversations, Protocol):
    """Where a conversation's place in the list is written, and its title read."""

    async def touch(
        self, user_id: str, conversation_id: str, *, leaf: str, updated_at_ms: int, title_if_none: str | None
    ) -> None: ...


class Billing(Protocol):
    """Where usage goes."""

    async def bill(self, usage: UsageRecord) -> None: ...


@dataclass(frozen=True, slots=True)
class Books:
    """Everything that an end is written to."""

    turns: Turns
    messages: MessageWriter
    conversations: ConversationWriter
    replies: ReplyProducer
    usage: Billing


def bill_of(attempt: Attempt, outcome: Outcome) -> Usage:
    """What an attempt cost, however it went."""
    return usage_of(outcome, attempt.legs) if attempt.asked else NO_USAGE


class Finisher:
    """Ends turns, once each (G2)."""

    def __init__(self, books: Books) -> None:
        self._books = books

    async def conclude(self, attempt: Attempt, ending: Ending) -> TurnRow | None:
        """Stores the end of an attempt whose frames are all acknowledged. None: it is not ours any more."""
        checkpoint = msgspec.structs.replace(attempt.frames.checkpoint, model=attempt.model)
        row = with_parent(attempt.row, attempt.path.parent_id)
        bills = usage_by_attempt(row, bill_of(attempt, ending), attempt.earlier, attempt.input_tokens)
        finished_at_ms = moment_of_end(int(time.time() * 1000), attempt.path.newest_at_ms)
        return await self._store(finished_row(row, ending, checkpoint, bills, finished_at_ms))

    async def give_back(self, row: TurnRow, usage: Usage | None) -> None:
        """Says that nobody holds the turn, so that the next worker need not wait for this one's death.

        `usage`: the attempt's, if it is known.
        """
        held: TurnRow | None = row
        while held is not None and is_mine(held, row) and held.owner is not None:
            held = await until_it_works(self._books.turns.compare_and_set, released_row(held, usage), held.version)

    async def follow_up(self, row: TurnRow, known_title: str | None = None) -> str | None:
        """Writes all that follows from an ended row. Idempotent.

        `known_title`: the conversation's, where it is known for sure. Gives the title; None: it was deleted.
        """
        assert row.finish is not None
        if row.finish.code is not ErrorCode.CONVERSATION_DELETED:
            await self._write_history(row)
        await self._publish_end(row)
        for record in bills_of(row):
            await self._books.usage.bill(record)
        title = known_title or await self._stored_title(row)
        if title is not None:
            self._announce(row, title)
        return title

    async def _store(self, ended: TurnRow) -> TurnRow | None:
        """Only a stop can change a row that we hold: take its version and write again, as stopped."""
        while True:
            stored = await until_it_works(self._books.turns.compare_and_set, ended, ended.version - 1)
            if stored is None:
                return ended
            if not is_mine(stored, ended):
                log.info("turn_lost_at_finish", held_attempt=stored.attempt)
                return None
            if stored.is_ended:
                return stored
            ended = msgspec.structs.replace(stopped_row(ended) if stored.stop else ended, version=stored.version + 1)

    async def _write_history(self, row: TurnRow) -> None:
        assert row.finish is not None and row.answer_id is not None
        where = (row.user_id, row.conversation_id)
        finished_at_ms = row.finish.finished_at_ms
        question, answer = messages_of(row)
        new = (answer,) if row.answers_again else (question, answer)
        await until_it_works(self._books.messages.append, *where, new, finished_at_ms)
        await until_it_works(
            self._books.conversations.touch,
            *where,
            leaf=row.answer_id,
            updated_at_ms=finished_at_ms,
            title_if_none=self._first_title(row),
        )

    async def _publish_end(self, row: TurnRow) -> None:
        assert row.finish is not None
        address = terminal_address(row, row.finish)
        await self._books.replies.publish_bytes(row.user_id, address, row.finish.terminal_frame)

    def _first_title(self, row: TurnRow) -> str | None:
        return title_from(row.question.text) if row.question and row.question.parent_id is None else None

    async def _stored_title(self, row: TurnRow) -> str | None:
        stored = await until_it_works(self._books.conversations.get, row.user_id, row.conversation_id)
        # A deleted conversation must not come back into anybody's list.
        return None if stored is None or stored.deleted else stored.title or ""

    def _announce(self, row: TurnRow, title: str) -> None:
        assert row.finish is not None
        changed = ConversationChanged(row.conversation_id, title or None, rfc3339(row.finish.finished_at_ms))
        self._books.replies.publish(row.user_id, changed)
