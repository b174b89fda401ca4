"""*lost*: a promised turn has no end when all is over, or its end is not everywhere where it must be.

Promised is a turn that was `accepted`, or that a worker claimed: then its request was durable. Exactly:
- its row is missing or not ended (whether its client waited on or gave up);
- it ended, but its question's or its answer's row is missing in history (unless its conversation was deleted);
- it ended, and frames of it are in the topic, but no terminal frame: nobody was told live.
Not lost: a request that was never accepted and that no worker claimed; it may or may not exist and is *unknown*.
"""

from collections.abc import Iterator

from infra.prove.checking.case import Case
from infra.prove.checking.violations import Finding, Violation
from schemas.errors import ErrorCode
from store.rows import TurnRow


def find_lost(case: Case) -> Iterator[Finding]:
    """At most one for each place where the end must be."""
    row = case.turn.row
    if row is None or row.finish is None:
        if case.turn.is_promised:
            yield case.finding(Violation.LOST, f"no end is stored; attempt {case.turn.newest_attempt}")
        return
    if case.topic.attempts and not case.topic.ends:
        yield case.finding(Violation.LOST, f"its end {row.finish.terminal_seq} was never published")
    if row.finish.code is not ErrorCode.CONVERSATION_DELETED:
        yield from _missing_messages(case, row)


def _missing_messages(case: Case, row: TurnRow) -> Iterator[Finding]:
    where = case.history.conversations.get((row.user_id, row.conversation_id), [])
    stored = {each.message.message_id for each in where}
    question_id = None if row.question is None else row.question.id
    for name, message_id in (("question", question_id), ("answer", row.answer_id)):
        if message_id not in stored:
            yield case.finding(Violation.LOST, f"its {name} {message_id} is not in history")
