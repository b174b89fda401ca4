"""*doubled*: what happens once happened twice.

Exactly:
- a client got a frame again that it had, and no resume was under way (a `ready`, `watching` or `accepted` before it);
- two records of the topic have one number and different bytes: two writers in one attempt (of two terminal frames
  *two ends* speaks);
- an attempt's text says words twice that the provider said once, under whatever numbers;
- history has two answers of one turn, or its question twice;
- one request was accepted as two turns.
Not doubled: equal records in the topic (a new producer, a repair), replays in a resume, a takeover's own frames.
"""

from collections.abc import Iterator

from infra.prove.checking.case import Case
from infra.prove.checking.irregular import Kind
from infra.prove.checking.violations import Finding, Violation


def find_doubled(case: Case) -> Iterator[Finding]:
    """At most one for each repeated thing."""
    for repeated in case.of_kind(Kind.REPEATED):
        yield case.finding(Violation.DOUBLED, repeated)
    for role in ("user", "assistant"):
        ids = [stored.message.message_id for stored in case.turn.messages if stored.message.role == role]
        if len(ids) > 1:
            yield case.finding(Violation.DOUBLED, f"{len(ids)} {role} messages in history: {ids[0]} and {ids[1]}")
    for other in case.turn.other_ids:
        yield case.finding(Violation.DOUBLED, f"its request was also accepted as turn {other}")
