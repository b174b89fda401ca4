"""A server's process: detached, found again by its file, and never mistaken for a stranger with its pid."""

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.stack import processes
from infra.stack.processes import RunningProcess


@pytest.fixture
def sleeper(tmp_path: Path) -> Iterator[RunningProcess]:
    running = processes.spawn(("sleep", "60"), os.environ, tmp_path / "log", tmp_path / "pid.json")
    yield running
    running.send(signal.SIGKILL)
    assert running.wait(10)


def test_a_process_is_found_by_its_file_and_has_a_session_of_its_own(sleeper: RunningProcess, tmp_path: Path) -> None:
    assert processes.find(tmp_path / "pid.json") == sleeper
    assert os.getsid(sleeper.pid) == sleeper.pid != os.getsid(0)


def test_a_stranger_with_the_same_pid_is_not_the_server_and_is_not_signalled(
    sleeper: RunningProcess, tmp_path: Path
) -> None:
    earlier = RunningProcess(sleeper.pid, sleeper.began - 3600)
    (tmp_path / "pid.json").write_text(json.dumps({"pid": earlier.pid, "began": earlier.began}))
    assert processes.find(tmp_path / "pid.json") is None
    earlier.send(signal.SIGKILL)
    assert not sleeper.wait(0.3)


def test_a_killed_child_is_gone_and_no_zombie(sleeper: RunningProcess, tmp_path: Path) -> None:
    sleeper.send(signal.SIGKILL)
    assert sleeper.wait(10)
    assert processes.find(tmp_path / "pid.json") is None
    assert sleeper.memory_bytes() == 0


def test_a_suspended_process_is_known_as_such(sleeper: RunningProcess) -> None:
    assert not sleeper.is_suspended()
    sleeper.send(signal.SIGSTOP)
    assert processes.comes_true(sleeper.is_suspended, 10)
    assert sleeper.is_alive()


@pytest.mark.parametrize("written", ["", "{}", "[]", "17"])
def test_a_damaged_pid_file_is_no_process(tmp_path: Path, written: str) -> None:
    (tmp_path / "pid.json").write_text(written)
    assert processes.find(tmp_path / "pid.json") is None
