"""Real Kafka and Cassandra for one run: in a folder of their own, on free ports, ended whatever happens.

In: a folder, how many servers. Out: a `NativeStack` with topics and schema made. Blocking throughout, and outside any
event loop: so Ctrl-C, which breaks a loop off at once, comes back here and finds the servers to end.
"""

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.cpu import Pids
from benchmarks.processes import SAMVAD, DidNotStart, clean_environ
from infra.stack import Ports, StackOptions, down, server, up

PREPARE_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class NativeStack:
    """Running servers: where Samvad finds them, and their processes by role."""

    environ: dict[str, str]
    pids: Pids


@contextmanager
def native_stack(folder: Path, brokers: int, nodes: int, say: Callable[[str], None]) -> Iterator[NativeStack]:
    """Ready servers; without `nodes` no Cassandra.

    Raises StackError, and DidNotStart when topics or schema can't be made.
    """
    options = StackOptions(folder, brokers, nodes, with_jaeger=False, ports=Ports.free())
    try:
        environ = up(options, say).environ()
        _prepare(("topics",), environ, say)
        if nodes:
            _prepare(("migrate", "--replication", str(nodes)), environ, say)
        yield NativeStack(environ, _pids(options))
    finally:
        _end(folder, say)


def _prepare(command: tuple[str, ...], environ: dict[str, str], say: Callable[[str], None]) -> None:
    """Runs a command of `samvad` that makes what the roles expect."""
    say(f"samvad {' '.join(command)}")
    done = subprocess.run(
        [sys.executable, "-m", SAMVAD, *command],
        env={**clean_environ(), **environ},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=PREPARE_SECONDS,
    )
    if done.returncode != 0:
        raise DidNotStart(f"samvad {command[0]}: {done.stderr or done.stdout}")


def _pids(options: StackOptions) -> dict[str, list[int]]:
    kafka = [f"kafka-{number + 1}" for number in range(options.brokers)]
    cassandra = [f"cassandra-{number + 1}" for number in range(options.cassandra_nodes)]
    return {"broker": _pids_of(options.folder, kafka), "store": _pids_of(options.folder, cassandra)}


def _pids_of(folder: Path, names: list[str]) -> list[int]:
    return [pid for name in names if (pid := server(folder, name).pid) is not None]


def _end(folder: Path, say: Callable[[str], None]) -> None:
    """A second Ctrl-C does not leave them behind; they are given some seconds, and then killed."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    down(folder, say)
