"""Samvad's roles as processes on one stack, as an operator starts them; their logs are kept in one folder.

In: a stack's environment, a folder, a models.yaml. Out: running programs, ended with the block that started them.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.whole.processes import Program, program

LOG_TAIL_BYTES = 3000
START_SECONDS = 120.0
"""Importing LiteLLM takes 5 s of a CPU, and a stack, other roles and clients share it."""


@dataclass
class Roles:
    """Starts edges and workers. `settings` of a single one override those of all."""

    environ: dict[str, str]
    folder: Path
    models: Path
    logs: list[Path] = field(default_factory=list)

    @contextmanager
    def edge(self, **settings: str) -> Iterator[Program]:
        """An edge on a free port; `said` has its addresses as `edge` and `admin`."""
        with self._role("edge", settings) as running:
            yield running

    @contextmanager
    def worker(self, **settings: str) -> Iterator[Program]:
        """A worker that has its partitions; `said` has its id as `worker` and its `admin` address."""
        with self._role("worker", settings) as running:
            yield running

    def tails(self) -> str:
        """The end of each log, for a test that failed."""
        return "\n".join(f"--- {log.name}\n{log.read_text(errors='replace')[-LOG_TAIL_BYTES:]}" for log in self.logs)

    @contextmanager
    def _role(self, name: str, settings: dict[str, str]) -> Iterator[Program]:
        log = self.folder / f"{name}-{len(self.logs) + 1}.log"
        self.logs.append(log)
        common = {"SAMVAD_DATA": str(self.folder), "SAMVAD_MODELS": str(self.models), "SAMVAD_PORT": "0"}
        environ = {**common, "SAMVAD_ADMIN_PORT": "0", **self.environ, **settings}
        with program(name, environ=environ, log=log, start_seconds=START_SECONDS) as role:
            yield role
