"""*gap*: something is missing in the middle of an answer.

Exactly:
- a client got a frame that leaves out a number, and the missing one did not come before the next resume, snapshot or
  attempt; or an attempt's frames without its `started`;
- an attempt's numbers in the topic are not dense from 0 up to its newest;
- an attempt's text leaves out words of the provider and goes on behind them, also one whose line could not be read.
Not a gap: an attempt that breaks off (its worker died), and a snapshot in place of frames.
"""

from collections.abc import Iterator

from infra.prove.checking.case import Case
from infra.prove.checking.irregular import Kind
from infra.prove.checking.violations import Finding, Violation


def find_gap(case: Case) -> Iterator[Finding]:
    """One for each place where something is missing."""
    for skipped in case.of_kind(Kind.SKIPPED):
        yield case.finding(Violation.GAP, skipped)
