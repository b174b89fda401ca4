"""From an ending to what is stored and shown: the terminal frame, the finish, the two messages, the bill. Pure."""

from typing import Any

import msgspec

from consumers.context import estimate_tokens
from consumers.legs import Legs
from consumers.outcomes import Completed, Ending, Failed, Outcome, Stopped, status_of
from schemas import codec, frames
from schemas.clock import rfc3339
from schemas.errors import ErrorCode
from schemas.parts import Usage, UserMessage
from schemas.usage import UsageRecord
from store.rows import Checkpoint, Finish, MessageRow, TurnRow, total_of

NO_USAGE = Usage(0, 0, estimated=False)
"""Of an attempt that asked nobody."""


def usage_of(outcome: Outcome, legs: Legs) -> Usage:
    """What the providers said, or else an estimate that is marked as one (L10)."""
    return legs.total(outcome.usage if isinstance(outcome, Completed) else None)


def terminal_frame(row: TurnRow, ending: Ending, seq: int, usage: Usage, model: str) -> frames.TerminalFrame:
    """The last frame of a turn."""
    assert row.answer_id is not None
    where: dict[str, Any] = {"conversation_id": row.conversation_id, "turn_id": row.turn_id, "seq": seq}
    where["answer_id"] = row.answer_id
    match ending:
        case Completed(finish_reason=finish_reason):
            return frames.Completed(finish_reason=finish_reason, usage=usage, model=model, **where)
        case Stopped():
            return frames.Stopped(finish_reason="stopped", usage=usage, model=model, **where)
        case Failed(code=code):
            return frames.Failed(code=code, text=code.text, temporary=code.temporary, **where)


def finished_row(
    row: TurnRow, ending: Ending, checkpoint: Checkpoint, usage: dict[int, Usage], finished_at_ms: int
) -> TurnRow:
    """The turn's row with its end. `checkpoint` is the whole published answer; the terminal frame comes after it.

    `usage` by attempt; what the row has already stays: the first write of each wins.
    """
    seq = checkpoint.seq + 1
    bills = {**usage, **row.usage_by_attempt}
    frame = terminal_frame(row, ending, seq, total_of(bills), checkpoint.model)
    finish = Finish(
        status=status_of(ending),
        text=checkpoint.text,
        model=checkpoint.model,
        terminal_frame=codec.encode(frame),
        terminal_kind=codec.kind_of(frame),
        terminal_seq=seq,
        finished_at_ms=finished_at_ms,
        code=ending.code if isinstance(ending, Failed) else None,
    )
    return msgspec.structs.replace(row, version=row.version + 1, owner=None, finish=finish, usage_by_attempt=bills)


def stopped_row(ended: TurnRow) -> TurnRow:
    """The same end with the same text as a stop's: the user had asked for that before this end was stored (G8).

    Only what ended with its conversation keeps its reason.
    """
    finish = ended.finish
    assert finish is not None
    if finish.code is ErrorCode.CONVERSATION_DELETED:
        return msgspec.structs.replace(ended, stop=True)
    frame = terminal_frame(ended, Stopped(), finish.terminal_seq, total_of(ended.usage_by_attempt), finish.model)
    stopped = msgspec.structs.replace(
        finish,
        status=status_of(Stopped()),
        terminal_frame=codec.encode(frame),
        terminal_kind=codec.kind_of(frame),
        code=None,
    )
    return msgspec.structs.replace(ended, stop=True, finish=stopped)


def usage_by_attempt(row: TurnRow, usage: Usage, earlier: Checkpoint | None, input_tokens: int) -> dict[int, Usage]:
    """This attempt's usage, and an estimate for each one before it, as if it had died without a word of its own."""
    dead = {attempt: _estimate_of_dead(attempt, earlier, input_tokens) for attempt in range(1, row.attempt)}
    return {**dead, row.attempt: usage}


def _estimate_of_dead(attempt: int, newest: Checkpoint | None, input_tokens: int) -> Usage:
    """From the text that it left behind; of one without any it is only known that it may have asked."""
    text = newest.text if newest is not None and newest.attempt == attempt else ""
    return Usage(input_tokens, estimate_tokens(text), estimated=True)


def moment_of_end(now_ms: int, newest_at_ms: int) -> int:
    """This worker's clock, unless the conversation's newest message is later: the clock that said so was ahead.

    The newest moment keeps the conversation's leaf (ADR 7), and an answer is newer than the one before it.
    """
    return max(now_ms, newest_at_ms + 1)


def with_parent(row: TurnRow, parent_id: str | None) -> TurnRow:
    """The row with the message that the question really follows."""
    assert row.question is not None
    question = UserMessage(row.question.text, parent_id, row.question.id)
    return msgspec.structs.replace(row, question=question)


def messages_of(row: TurnRow) -> tuple[MessageRow, MessageRow]:
    """The question's and the answer's rows, always the same for the same ended turn.

    Of a turn that answers again, the question is stored already, with the moment and the turn of its own.
    """
    assert row.finish is not None and row.question is not None and row.question.id is not None
    assert row.answer_id is not None and row.first_claimed_at_ms is not None
    question = MessageRow(
        message_id=row.question.id,
        role="user",
        text=row.question.text,
        created_at_ms=row.first_claimed_at_ms,
        parent_id=row.question.parent_id,
        turn_id=row.turn_id,
    )
    answer = MessageRow(
        message_id=row.answer_id,
        role="assistant",
        text=row.finish.text,
        created_at_ms=row.finish.finished_at_ms,
        parent_id=row.question.id,
        model=row.finish.model,
        status=row.finish.status,
        usage=total_of(row.usage_by_attempt),
        turn_id=row.turn_id,
    )
    return question, answer


def bills_of(row: TurnRow) -> list[UsageRecord]:
    """One usage record for each attempt (G5)."""
    assert row.finish is not None
    return [
        UsageRecord(
            user_id=row.user_id,
            conversation_id=row.conversation_id,
            turn_id=row.turn_id,
            attempt=attempt,
            model=row.finish.model,
            input_tokens=usage.input_tokens,
            output_tokens=usage.output_tokens,
            estimated=usage.estimated,
            finished_at=rfc3339(row.finish.finished_at_ms),
        )
        for attempt, usage in sorted(row.usage_by_attempt.items())
    ]
