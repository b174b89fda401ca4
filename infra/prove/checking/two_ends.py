"""*two ends*: a turn's end was not its only one, or not the last that was heard of it.

Exactly:
- a terminal frame in the topic that is not, byte for byte, the one in the turn's row; without an ended row, two that
  are not the same;
- a client was told an end (by a frame or a snapshot) of another status or number than the row's; without an ended
  row, two different ones;
- a client, or the topic in the same attempt, has more of the turn beyond its end, unless it was stopped (*unstopped*).
Not two ends: the same terminal frame again; frames of another attempt in the topic (see *ghost*).
"""

from collections.abc import Iterator

from infra.prove.checking.case import Case
from infra.prove.checking.irregular import Kind
from infra.prove.checking.violations import Finding, Violation


def find_two_ends(case: Case) -> Iterator[Finding]:
    """At most one for each end that is one too many."""
    yield from _in_the_topic(case)
    yield from _at_clients(case)
    if not case.was_stopped:
        for late in case.of_kind(Kind.AFTER_END):
            yield case.finding(Violation.TWO_ENDS, late)


def _in_the_topic(case: Case) -> Iterator[Finding]:
    ends = list(case.topic.ends.items())
    stored = ends[0][0] if case.finish is None and ends else case.finish and case.finish.terminal_frame
    for raw, seq in ends:
        if raw != stored:
            yield case.finding(Violation.TWO_ENDS, f"topic: another end, {seq}")


def _at_clients(case: Case) -> Iterator[Finding]:
    told = [(client, end) for client, reading in case.clients.items() for end in reading.ends]
    expected = told[0][1] if told else None
    if case.finish is not None:
        expected = (case.finish.status, case.finish.terminal_seq)
    for client, end in told:
        if end != expected:
            yield case.finding(Violation.TWO_ENDS, f"client {client}: another end, {end[0]} {end[1]}")
