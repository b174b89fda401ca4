"""The verdict as a table for people: numbers and ids, never a message's text.

In: a `Verdict`. Out: lines of text.
"""

from collections.abc import Iterator

from infra.prove.checking.verdict import Verdict
from infra.prove.checking.violations import Violation

WIDTH = max(len(violation) for violation in Violation) + 2


def report(verdict: Verdict) -> str:
    """The whole table, ending in one sentence that says whether everything held."""
    return "\n".join([*_turns(verdict), *_faults(verdict), *_violations(verdict), *_examples(verdict), _sum(verdict)])


def _turns(verdict: Verdict) -> Iterator[str]:
    outcomes = ", ".join(f"{count} {status}" for status, count in verdict.outcomes.items())
    yield _line("turns", verdict.turns, outcomes)
    yield _line("rejected", verdict.rejected)
    detail = f"{verdict.unknown_requests} requests without an answer, {verdict.unknown_ends} ends that were not awaited"
    yield _line("unknown", verdict.unknown, detail)


def _faults(verdict: Verdict) -> Iterator[str]:
    if verdict.faults:
        yield ""
        yield f"{'fault':{WIDTH + 8}}{'times':>8}{'turns hit':>12}{'next frame p50':>16}{'p95':>8}{'p99':>8}{'max':>8}"
    for fault, times in sorted(verdict.faults.items()):
        yield f"{fault:{WIDTH + 8}}{times:>8}{_waits(verdict, fault)}"


def _waits(verdict: Verdict, fault: str) -> str:
    waits = verdict.recoveries.get(fault)
    if waits is None:
        return f"{0:>12}"
    seconds = f"{waits.p50:>14.2f} s{waits.p95:>6.2f} s{waits.p99:>6.2f} s{waits.longest:>6.2f} s"
    return f"{waits.count:>12}{seconds}"


def _violations(verdict: Verdict) -> Iterator[str]:
    yield ""
    for violation in Violation:
        yield _line(violation, verdict.count(violation))


def _examples(verdict: Verdict) -> Iterator[str]:
    for violation, tally in verdict.tallies.items():
        if tally.examples:
            yield ""
            yield f"{violation}, the first {len(tally.examples)}:"
        for finding in tally.examples:
            yield f"  {finding.subject}: {finding.detail}"


def _sum(verdict: Verdict) -> str:
    if verdict.holds:
        return "\nEverything held."
    if not verdict.turns:
        return "\nNothing was asked, so nothing is proved."
    kinds = [violation for violation in Violation if verdict.count(violation)]
    return f"\nNOT held: {', '.join(kinds)}."


def _line(name: str, count: int, detail: str = "") -> str:
    return f"{name:{WIDTH}}{count:>8}" + (f"  ({detail})" if detail else "")
