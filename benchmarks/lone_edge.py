"""One edge for a crowd of sockets, its history in SQLite, with whose tokens the crowd signs in. Turns are not traced.

In: a folder, a broker. Out: an edge that may be killed, and another one in its place.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.processes import SAMVAD, Program, program
from ws_edge.dev_sign_in import DevSignIn

SECRET = b"a secret of this benchmark alone"


@dataclass(frozen=True, slots=True)
class Ground:
    """What edges stand on."""

    folder: Path
    environ: dict[str, str]

    @asynccontextmanager
    async def edge(self, name: str) -> AsyncIterator[Program]:
        """Ready; `said` has its addresses as `edge` and `admin`. Raises DidNotStart."""
        log = self.folder / f"{name}.log"
        async with program(SAMVAD, "edge", log=log, environ=self.environ) as edge:
            yield edge


def ground(folder: Path, environ: Mapping[str, str]) -> Ground:
    """With the secret of the crowd's tokens."""
    secret_file = folder / "secret"
    secret_file.write_bytes(SECRET)
    of_edges = {"SAMVAD_SIGN_IN_SECRET_FILE": str(secret_file), "SAMVAD_ADMIN_PORT": "0"}
    return Ground(folder, {**environ, **of_edges})


def token_of(name: str) -> str:
    """A token that these edges take: ten thousand sign-ins by REST are another measurement."""
    return DevSignIn(SECRET).sign_in(name)[0]


def address_of(edge: Program) -> tuple[str, int]:
    """Host and port."""
    host, _, port = edge.said["edge"].removeprefix("http://").rpartition(":")
    return host, int(port)
