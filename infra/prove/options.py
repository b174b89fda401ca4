"""What a proof is told: how long, how many, which faults, with which programs."""

import sys
from dataclasses import dataclass, field
from pathlib import Path

from infra.prove.fault_kinds import FaultKind

SHORT_MINUTES = 3.0
FULL_MINUTES = 60.0
MINUTES = {"short": SHORT_MINUTES, "full": FULL_MINUTES}
"""Of load; short: every fault once or twice, full: more than twenty times each."""

THINK_SECONDS = 60.0


def role_command(role: str) -> tuple[str, ...]:
    """How a role is started by default: with this Python."""
    return (sys.executable, "-m", "infra.cli.main", role)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProofOptions:
    """`folder`: of this run, made anew. `worker_command`, `edge_command`: tests start roles with injected bugs."""

    folder: Path
    seed: int
    minutes: float = SHORT_MINUTES
    faults: tuple[FaultKind, ...] = tuple(FaultKind)
    clients: int = 250
    """People with a device each; one in five has a second device."""
    workers: int = 2
    edges: int = 2
    brokers: int = 1
    think_seconds: float = THINK_SECONDS
    """How long a person waits, on average, before the next question."""
    settle_seconds: float = 240.0
    """How long, at most, is waited for every answer's end once nothing is broken any more."""
    keep: bool = False
    """Leave the servers' data and the stack's folder."""
    worker_command: tuple[str, ...] = field(default_factory=lambda: role_command("worker"))
    edge_command: tuple[str, ...] = field(default_factory=lambda: role_command("edge"))

    @property
    def seconds(self) -> float:
        return self.minutes * 60

    def repeated_by(self) -> str:
        """The command line that puts in the same faults at the same times."""
        faults = "" if self.faults == tuple(FaultKind) else f" --faults {','.join(self.faults) or 'none'}"
        return (
            f"samvad prove --seed {self.seed} --minutes {self.minutes:g} --clients {self.clients} "
            f"--think {self.think_seconds:g} --workers {self.workers} --edges {self.edges} "
            f"--brokers {self.brokers}{faults}"
        )
