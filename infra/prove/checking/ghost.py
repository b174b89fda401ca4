"""*ghost*: something that nobody asked for, nobody claimed, or nobody said.

Exactly:
- frames, a row, messages or bills of a turn that no client asked for; a message of no turn;
- the same of a request that was rejected and never accepted, in the session in which it was asked;
- frames in the topic of an attempt above the one in the turn's row, or of a turn without a row: nobody claimed it;
- a provider's call for a turn that no worker claimed, or with a question that no client asked;
- words in an answer that no provider said for this turn;
- a frame at a client that can't be read.
A turn that nobody asked for is looked at by no other rule.
"""

from collections.abc import Iterator

from infra.prove.checking.case import Case
from infra.prove.checking.irregular import Kind
from infra.prove.checking.turns import History
from infra.prove.checking.violations import Finding, Violation


def find_ghost(case: Case) -> Iterator[Finding]:
    """At most one for each thing of a turn that nobody asked for, claimed or said."""
    turn = case.turn
    if turn.is_refused and turn.accepted_at is None and (turn.left_traces or turn.seen):
        yield case.finding(Violation.GHOST, "it was rejected, and something came of it")
    if turn.highest_published_attempt > turn.newest_attempt:
        attempts = f"attempt {turn.highest_published_attempt} is in the topic, {turn.newest_attempt} in its row"
        yield case.finding(Violation.GHOST, attempts)
    if turn.calls and not turn.shares_calls and not turn.has_begun:
        yield case.finding(Violation.GHOST, f"call {turn.calls[0].call_id} for a turn that nobody claimed")
    for unsaid in case.of_kind(Kind.UNSAID):
        yield case.finding(Violation.GHOST, unsaid)


def find_unasked(case: Case) -> Iterator[Finding]:
    """For a turn that nobody asked for: it should not be there."""
    yield case.finding(Violation.GHOST, "no client asked for it")


def find_strays(history: History) -> Iterator[Finding]:
    """What belongs to no turn at all."""
    for call in history.stray_calls:
        yield Finding(Violation.GHOST, call.call_id, "a provider's call with a question that no client asked")
    for client in history.unreadable:
        yield Finding(Violation.GHOST, client, "the client got a frame that can't be read")
    for messages in history.conversations.values():
        for stored in messages:
            if stored.message.turn_id is None:
                yield Finding(Violation.GHOST, stored.message.message_id, "a message of no turn")
