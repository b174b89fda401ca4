"""From a history to its verdict.

In: events (`infra/prove/events.py`), in any order of files. Out: `Verdict`: for each class of violation how many turns
and the first examples, what stays unknown, the faults, and how long users waited after them.

One turn with several findings of one class counts once. Of what follows from something else that is reported of the
same turn, nothing is said: `_CONSEQUENCES`.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from infra.prove.checking.billing import find_billing_mismatch
from infra.prove.checking.calm import Calm
from infra.prove.checking.case import Case, case_of
from infra.prove.checking.doubled import find_doubled
from infra.prove.checking.gap import find_gap
from infra.prove.checking.ghost import find_ghost, find_strays, find_unasked
from infra.prove.checking.joining import join
from infra.prove.checking.lost import find_lost
from infra.prove.checking.recovery import Percentiles, recoveries
from infra.prove.checking.reordered import find_reordered, find_reordered_turns
from infra.prove.checking.text_differs import find_text_differs
from infra.prove.checking.turns import Turn
from infra.prove.checking.two_ends import find_two_ends
from infra.prove.checking.unstopped import Stops
from infra.prove.checking.violations import Finding, Violation
from infra.prove.checking.wrong_user import find_wrong_user
from infra.prove.events import AnyEvent

MAX_EXAMPLES = 5

_CONSEQUENCES: dict[Violation, frozenset[Violation]] = {
    Violation.TEXT_DIFFERS: frozenset(Violation) - {Violation.TEXT_DIFFERS, Violation.BILLING_MISMATCH},
    Violation.BILLING_MISMATCH: frozenset({Violation.LOST, Violation.TWO_ENDS, Violation.GHOST}),
}
"""What is not said of a turn with one of these findings."""


@dataclass(slots=True)
class Tally:
    """How many turns have a violation, and the first few findings."""

    count: int = 0
    examples: list[Finding] = field(default_factory=list)

    def add(self, finding: Finding) -> None:
        self.count += 1
        if len(self.examples) < MAX_EXAMPLES:
            self.examples.append(finding)


@dataclass(slots=True)
class Verdict:
    """What a history proves. `outcomes`: turns by how they ended; `faults`: by kind; `recoveries`: in seconds, by kind.

    `unknown_requests` were never answered: they may or may not exist. `unknown_ends`: turns whose client was not there
    or gave up before it was told the end; a timeout is unknown, never failed.
    """

    turns: int = 0
    rejected: int = 0
    outcomes: dict[str, int] = field(default_factory=dict)
    unknown_requests: int = 0
    unknown_ends: int = 0
    faults: dict[str, int] = field(default_factory=dict)
    tallies: dict[Violation, Tally] = field(default_factory=lambda: {violation: Tally() for violation in Violation})
    recoveries: dict[str, Percentiles] = field(default_factory=dict)

    @property
    def holds(self) -> bool:
        """Nothing is violated, and something was looked at."""
        return self.turns > 0 and not any(tally.count for tally in self.tallies.values())

    @property
    def unknown(self) -> int:
        return self.unknown_requests + self.unknown_ends

    def count(self, violation: Violation) -> int:
        return self.tallies[violation].count


def check(events: Iterable[AnyEvent]) -> Verdict:
    """Judges a whole run. Linear in the number of events."""
    history = join(events)
    verdict = Verdict(faults=dict(Counter(fault.fault for fault in history.faults)))
    stops = Stops(Calm(history.faults, history.fault_ends), history)
    found_elsewhere: dict[str, list[Finding]] = {}
    for finding in [*find_reordered_turns(history), *find_strays(history)]:
        found_elsewhere.setdefault(finding.subject, []).append(finding)
    for turn in history.turns.values():
        case = case_of(turn, history)
        _count(verdict, case)
        found = [*_findings(case, stops), *found_elsewhere.pop(turn.turn_id, [])]
        _add(verdict, found)
    for strays in found_elsewhere.values():
        _add(verdict, strays)
    verdict.outcomes = dict(sorted(verdict.outcomes.items()))
    verdict.recoveries = recoveries(history)
    return verdict


def _findings(case: Case, stops: Stops) -> Iterator[Finding]:
    if case.turn.asked is None:
        yield from find_unasked(case)
        return
    rules = (find_lost, find_doubled, find_gap, find_reordered, find_two_ends, find_text_differs)
    for rule in (*rules, find_ghost, find_wrong_user, stops.find_unstopped, find_billing_mismatch):
        yield from rule(case)


def _add(verdict: Verdict, found: Iterable[Finding]) -> None:
    first: dict[Violation, Finding] = {}
    for finding in found:
        first.setdefault(finding.violation, finding)
    for violation, finding in first.items():
        if not _CONSEQUENCES.get(violation, frozenset()) & first.keys():
            verdict.tallies[violation].add(finding)


def _count(verdict: Verdict, case: Case) -> None:
    turn = case.turn
    if turn.asked is None:
        return
    verdict.turns += 1
    if turn.is_rejected:
        verdict.rejected += 1
    elif turn.accepted_at is None:
        verdict.unknown_requests += 1
    elif not _was_told(turn, case):
        verdict.unknown_ends += 1
    if case.finish is not None:
        status = str(case.finish.status)
        verdict.outcomes[status] = verdict.outcomes.get(status, 0) + 1


def _was_told(turn: Turn, case: Case) -> bool:
    assert turn.asked is not None
    reading = case.clients.get(turn.asked.client)
    return reading is not None and reading.end is not None
