"""A server's process: detached, found again by its file, and never mistaken for a stranger with its pid."""

import json
import os
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psutil
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


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="without /proc the clock's time is all there is")
def test_a_step_of_the_clock_loses_no_server(
    sleeper: RunningProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(psutil.Process, "create_time", lambda _: sleeper.began + 3600)
    assert processes.find(tmp_path / "pid.json") == sleeper
    earlier = replace(sleeper, began_ticks=(sleeper.began_ticks or 0) - 1)
    assert not earlier.is_alive(), "a stranger that began a tick later"


def test_a_pid_file_of_an_earlier_version_still_finds_its_server(sleeper: RunningProcess, tmp_path: Path) -> None:
    (tmp_path / "pid.json").write_text(json.dumps({"pid": sleeper.pid, "began": sleeper.began}))
    assert processes.find(tmp_path / "pid.json") == replace(sleeper, began_ticks=None)


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
