"""`samvad prove` on servers of its own: every fault once while people talk, and a run that is broken off."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from infra.prove.checking import report
from infra.prove.fault_kinds import FaultKind
from infra.prove.options import ProofOptions
from infra.prove.proving import prove
from tests.connected.own_stack import processes_of
from tests.whole.processes import program_environ

pytestmark = [pytest.mark.connected, pytest.mark.proof, pytest.mark.timeout(480)]

END_SECONDS = 120
NEED_A_MOMENT = {
    FaultKind.WORKER_KILL_BEFORE_FIRST_TOKEN,
    FaultKind.WORKER_KILL_MID_STREAM,
    FaultKind.WORKER_KILL_BEFORE_COMMIT,
}
"""They wait for a worker in the middle of something, which so few people may not bring about in so short a time."""


async def test_under_every_fault_nothing_is_lost_doubled_or_out_of_order(tmp_path: Path) -> None:
    options = ProofOptions(folder=tmp_path / "run", seed=1, minutes=2.5, clients=60, think_seconds=20)
    verdict = await prove(options, say=print)
    assert verdict.holds, f"{report(verdict)}\n{options.repeated_by()}"
    assert set(FaultKind) - NEED_A_MOMENT <= set(verdict.faults)
    assert NEED_A_MOMENT & set(verdict.faults)
    assert verdict.turns > options.clients
    assert processes_of(options.folder) == []


def test_a_run_that_is_broken_off_says_what_there_is_and_leaves_no_process(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    options = ["--seed", "1", "--faults", "broker_kill", "--clients", "20", "--folder", str(folder)]
    with (tmp_path / "said").open("wb") as output:
        proof = subprocess.Popen(
            [sys.executable, "-m", "infra.cli.main", "prove", *options],
            stdout=output,
            stderr=subprocess.PIPE,
            env=program_environ(),
            text=True,
        )
    assert proof.stderr is not None
    for line in proof.stderr:
        if "turns asked" in line:
            break
    proof.send_signal(signal.SIGTERM)
    proof.stderr.read()
    assert proof.wait(END_SECONDS) in (1, 2)
    said = (tmp_path / "said").read_text()
    assert "broken off" in said
    assert str(folder) in said
    assert processes_of(folder) == []
