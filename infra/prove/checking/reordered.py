"""*reordered*: nothing is missing, but it came in another order.

Exactly:
- a client got a frame that it lacked after one with a higher number (also of a higher attempt), or a snapshot behind
  what it had, and no resume was under way;
- the first records of an attempt's numbers are not in order in the topic;
- an attempt's text says the provider's words in another order;
- of two questions of a conversation, the second asked when the first was accepted already, history has the second one
  first, or the second does not follow an answer to the question before it.
Not reordered: two questions of which neither waited for the other's `accepted`.
"""

from collections.abc import Iterator, Sequence

from infra.prove.checking.case import Case
from infra.prove.checking.irregular import Kind
from infra.prove.checking.turns import History, Turn
from infra.prove.checking.violations import Finding, Violation
from infra.prove.events import StoredMessage
from store.rows import MessageRow

NEVER = float("-inf")


def find_reordered(case: Case) -> Iterator[Finding]:
    """One for each thing that came too late."""
    for late in case.of_kind(Kind.LATE):
        yield case.finding(Violation.REORDERED, late)


def find_reordered_turns(history: History) -> Iterator[Finding]:
    """One for each question that stands at the wrong place of its conversation."""
    for messages in history.conversations.values():
        yield from _in_conversation(history, messages)


def _in_conversation(history: History, messages: Sequence[StoredMessage]) -> Iterator[Finding]:
    parent_of = {stored.message.message_id: stored.message.parent_id for stored in messages}
    newest_asked_at = NEVER
    before: tuple[Turn, str] | None = None
    for turn, question in _questions(history, messages):
        if _was_accepted_before(turn, newest_asked_at):
            yield Finding(Violation.REORDERED, turn.turn_id, "a question that was asked later stands before it")
        elif before is not None and _is_fork(before, turn, parent_of.get(question.parent_id or "")):
            yield Finding(Violation.REORDERED, turn.turn_id, f"it does not follow an answer to {before[1]}")
        newest_asked_at = max(newest_asked_at, _asked_at(turn))
        before = turn, question.message_id


def _questions(history: History, messages: Sequence[StoredMessage]) -> Iterator[tuple[Turn, MessageRow]]:
    for message in (stored.message for stored in messages if stored.message.role == "user"):
        turn = history.turns.get(message.turn_id or "")
        if turn is not None and turn.asked is not None:
            yield turn, message


def _is_fork(before: tuple[Turn, str], turn: Turn, follows: str | None) -> bool:
    """`follows`: the question whose answer it follows."""
    return _was_accepted_before(before[0], _asked_at(turn)) and follows != before[1]


def _was_accepted_before(turn: Turn, moment: float) -> bool:
    return turn.accepted_at is not None and turn.accepted_at < moment


def _asked_at(turn: Turn) -> float:
    return NEVER if turn.asked is None else turn.asked.at
