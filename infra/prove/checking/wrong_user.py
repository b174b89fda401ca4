"""*wrong user*: something of one user's turn came to another, or is kept under another's name.

Exactly:
- a client of another user got a frame of the turn;
- a record of the topic has another user's key, which the edges route by; the row, a message or a bill another user;
- an answer has the words of a provider's call that was made only for others.
"""

from collections.abc import Iterator

from infra.prove.checking.case import Case
from infra.prove.checking.irregular import Kind
from infra.prove.checking.violations import Finding, Violation


def find_wrong_user(case: Case) -> Iterator[Finding]:
    """At most one for each place where another user has something of the turn."""
    asked = case.turn.asked
    if asked is not None:
        for where, user_id in _owners(case):
            if user_id != asked.user_id:
                yield case.finding(Violation.WRONG_USER, f"{where}: user {user_id}, and {asked.user_id} asked")
    for foreign in case.of_kind(Kind.FOREIGN):
        yield case.finding(Violation.WRONG_USER, foreign)


def _owners(case: Case) -> set[tuple[str, str]]:
    """Every place that has something of the turn, with the user it belongs to there."""
    turn, users = case.turn, case.history.user_of_client
    owners = {(f"client {client}", users[client]) for client in turn.seen if client in users}
    owners |= {("topic", record.user_id) for record in turn.published}
    owners |= {("history", stored.user_id) for stored in turn.messages}
    owners |= {("bill", bill.user_id) for bill in turn.bills}
    if turn.row is not None:
        owners.add(("row", turn.row.user_id))
    return owners
