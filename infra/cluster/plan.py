"""Which processes a cluster is made of, on which ports, with which settings. Pure.

In: how many edges and workers, the servers' addresses, the models. Out: each process's command and environment.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from infra.model_discovery.providers import may_hold_key

EDGE, WORKER = "edge", "worker"


@dataclass(frozen=True, slots=True)
class ClusterOptions:
    """`folder`: logs, sign-in secret and models. Edges take `port` and those after it; admin pages `admin_port` on."""

    folder: Path
    stack_folder: Path
    edges: int = 2
    workers: int = 2
    port: int = 8000
    admin_port: int = 9100
    keep_stack: bool = False

    @property
    def edge_ports(self) -> dict[str, int]:
        return {f"edge-{number + 1}": self.port + number for number in range(self.edges)}

    @property
    def admin_ports(self) -> dict[str, int]:
        """Edges first, then workers."""
        names = [*self.edge_ports, *(f"worker-{number + 1}" for number in range(self.workers))]
        return {name: self.admin_port + number for number, name in enumerate(names)}


@dataclass(frozen=True, slots=True)
class ProcessPlan:
    """One process: its name in logs, what it runs as, and its whole environment."""

    name: str
    role: str
    environ: Mapping[str, str] = field(repr=False)


def process_plans(
    options: ClusterOptions, environ: Mapping[str, str], models: Path, key_variables: frozenset[str]
) -> list[ProcessPlan]:
    """Workers first: an edge that is up should have somebody to answer. Edges get no provider's key, named or not."""
    shared = {**environ, "SAMVAD_DATA": str(options.folder), "SAMVAD_MODELS": str(models)}
    without_keys = {
        name: value for name, value in shared.items() if name not in key_variables and not may_hold_key(name)
    }
    admin = {name: {"SAMVAD_ADMIN_PORT": str(port)} for name, port in options.admin_ports.items()}
    workers = [ProcessPlan(name, WORKER, {**shared, **admin[name]}) for name in admin if name not in options.edge_ports]
    edges = [
        ProcessPlan(name, EDGE, {**without_keys, **admin[name], "SAMVAD_PORT": str(port)})
        for name, port in options.edge_ports.items()
    ]
    return [*workers, *edges]
