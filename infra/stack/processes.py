"""A server's process, found again by whoever asks later: its pid and when it began, in a file.

The beginning tells the server from a stranger that was given its pid after it had ended: no stranger is ever signalled.
It is counted from the system's start where the system says so (Linux): no step of the clock loses a server.
"""

import json
import os
import signal
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

SAME_BEGINNING_SECONDS = 1.0
"""The system's clock may be adjusted a little between two looks."""
TICKS_FIELD = 19
"""Of /proc/PID/stat, behind the command's name in brackets: clock ticks from the system's start (man 5 proc)."""
POLL_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class RunningProcess:
    """A process that was alive when this was made."""

    pid: int
    began: float
    """Unix seconds."""
    began_ticks: int | None = None
    """From the system's start; None where it is not known, also from a pid file of an earlier version."""

    def is_alive(self) -> bool:
        """Whether this very process still runs (or is suspended)."""
        _reap(self.pid)
        try:
            found = psutil.Process(self.pid)
            return self._is_same(found) and not _has_ended(found)
        except psutil.NoSuchProcess:
            return False

    def _is_same(self, found: psutil.Process) -> bool:
        if self.began_ticks is not None:
            return self.began_ticks == _began_ticks(self.pid)
        return bool(abs(found.create_time() - self.began) < SAME_BEGINNING_SECONDS)

    def send(self, what: signal.Signals) -> None:
        """Signals it, if it still runs."""
        if self.is_alive():
            with suppress(ProcessLookupError):
                os.kill(self.pid, what)

    def wait(self, seconds: float) -> bool:
        """Whether it ended within so many seconds."""
        return comes_true(lambda: not self.is_alive(), seconds)

    def is_suspended(self) -> bool:
        """Whether a SIGSTOP holds it."""
        try:
            return bool(psutil.Process(self.pid).status() == psutil.STATUS_STOPPED)
        except psutil.NoSuchProcess:
            return False

    def memory_bytes(self) -> int:
        """Its resident memory; 0 when it just ended."""
        try:
            return int(psutil.Process(self.pid).memory_info().rss)
        except psutil.NoSuchProcess:
            return 0


def comes_true(condition: Callable[[], bool], seconds: float) -> bool:
    """Whether it is true now or becomes true within so many seconds."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_SECONDS)
    return True


def spawn(command: tuple[str, ...], environment: Mapping[str, str], log: Path, pid_file: Path) -> RunningProcess:
    """Starts a server in a session of its own: neither Ctrl-C nor the end of the terminal reaches it."""
    pid = os.posix_spawnp(
        command[0],
        command,
        environment,
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, str(log), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ],
        setsid=True,
        setsigmask=[],
    )
    running = RunningProcess(pid, psutil.Process(pid).create_time(), _began_ticks(pid))
    pid_file.write_text(json.dumps(asdict(running)))
    return running


def find(pid_file: Path) -> RunningProcess | None:
    """The process of a pid file, if it still runs."""
    try:
        said = json.loads(pid_file.read_text())
        running = RunningProcess(said["pid"], said["began"], said.get("began_ticks"))
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None
    return running if running.is_alive() else None


def _began_ticks(pid: int) -> int | None:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    return int(stat.rpartition(")")[2].split()[TICKS_FIELD])


def _has_ended(process: psutil.Process) -> bool:
    """A killed JVM is a zombie while its last threads still hold its ports; without threads it has ended."""
    return process.status() == psutil.STATUS_ZOMBIE and process.num_threads() <= 1


def _reap(pid: int) -> None:
    """Takes note of the end of a child of ours, which would stay as a zombie otherwise."""
    with suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)
