"""The checker: from a run's history to a verdict on the guarantees. Pure; one file for each rule.

In: the events of `infra/prove/events.py`. Out: a `Verdict`, and its table.
"""

from infra.prove.checking.recovery import Percentiles
from infra.prove.checking.report import report
from infra.prove.checking.verdict import Tally, Verdict, check
from infra.prove.checking.violations import Finding, Violation

__all__ = ["Finding", "Percentiles", "Tally", "Verdict", "Violation", "check", "report"]
