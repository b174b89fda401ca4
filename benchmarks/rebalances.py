"""What the workers' logs say of a rebalance: when they were told, and when all partitions had an owner again.

In: log files, one JSON object a line, and the wall clock's time of a fault. Out: seconds from the fault.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

TOLD, GIVEN = "partitions_revoked", "partitions_assigned"


@dataclass(frozen=True, slots=True)
class Rebalance:
    """`told_seconds`: until the first of the others heard of it; `given_seconds`: until the last one had partitions."""

    told_seconds: float
    given_seconds: float


def rebalance_after(fault_at: float, logs: Iterable[Path]) -> Rebalance | None:
    """None: there was none."""
    events = [event for log in logs for event in _events(log) if event[0] >= fault_at]
    told = [at for at, name in events if name == TOLD]
    given = [at for at, name in events if name == GIVEN]
    return Rebalance(min(told) - fault_at, max(given) - fault_at) if told and given else None


def _events(log: Path) -> Iterator[tuple[float, str]]:
    for line in log.read_text(errors="replace").splitlines():
        if TOLD in line or GIVEN in line:
            said = json.loads(line)
            yield datetime.fromisoformat(said["timestamp"]).timestamp(), said["event"]
