"""Real Kafka and Cassandra for one run: in a folder of their own, on free ports, ended whatever happens.

In: a folder, how many servers; or a whole command's measuring. Out: a `NativeStack` with topics and schema made; or the
command's exit code. Blocking throughout, and outside any event loop: so Ctrl-C, which breaks a loop off at once, comes
back here and finds the servers to end.
"""

import signal
import subprocess
import sys
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Generic, TypeVar

from benchmarks.command import INTERRUPTED, failed, interrupt, run_and_keep, say
from benchmarks.cpu import Pids
from benchmarks.open_files import TooFewOpenFiles, allow_sockets
from benchmarks.processes import SAMVAD, DidNotStart, clean_environ
from infra.stack import Ports, StackError, StackOptions, down, server, up

R = TypeVar("R")

PREPARE_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class NativeStack:
    """Running servers: where Samvad finds them, and their processes by role."""

    environ: dict[str, str]
    pids: Pids


@dataclass(frozen=True, slots=True)
class Measurement(Generic[R]):
    """What a command does with running servers, at most `seconds` long: `show` puts the result on the screen, and
    `out` is the file that keeps it. `sockets`: how many it opens, if that is more than a process may.
    """

    measure: Callable[[Path, NativeStack], Awaitable[R]]
    show: Callable[[R], None]
    out: Path
    seconds: float
    brokers: int = 1
    nodes: int = 0
    sockets: int = 0


def run_on_native_stack(measurement: Measurement[R]) -> int:
    """The whole of a command, in a folder of its own. The exit code: 130 after Ctrl-C or SIGTERM, and 1, with a
    sentence, when something did not start.
    """
    signal.signal(signal.SIGTERM, interrupt)
    try:
        allow_sockets(measurement.sockets)
        with tempfile.TemporaryDirectory() as name:
            return _run_in(Path(name), measurement)
    except KeyboardInterrupt:
        return INTERRUPTED
    except (StackError, DidNotStart, TooFewOpenFiles) as error:
        return failed(str(error))


def _run_in(folder: Path, measurement: Measurement[R]) -> int:
    with native_stack(folder / "stack", measurement.brokers, measurement.nodes, say) as servers:
        measuring = partial(measurement.measure, folder, servers)
        return run_and_keep(measuring, measurement.seconds, measurement.out, measurement.show)


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
