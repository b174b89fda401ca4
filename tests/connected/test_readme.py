"""The README's commands for real servers, one by one, run as they stand there, on the servers of this run."""

import os
import re
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from tests.connected.running_stack import RunningStack
from tests.whole.processes import free_port, program_environ

pytestmark = [pytest.mark.connected, pytest.mark.timeout(240)]

ROOT = Path(__file__).parents[2]
PROLOGUE = "trap 'kill $(jobs -p); wait' EXIT"
UNTIL_READY = """
until grep -q '"worker"' worker.out && grep -q '"edge"' edge.out; do sleep 0.5; done
"""


def _commands() -> list[str]:
    section = (ROOT / "README.md").read_text().partition("## Run it for real")[2].partition("\n## ")[0]
    blocks = re.findall(r"```\n(.*?)```", section, re.DOTALL)
    return [line.partition("#")[0].strip() for line in blocks[1].splitlines()]


def test_the_commands_for_real_servers_answer_a_question(stack: RunningStack, models: Path, tmp_path: Path) -> None:
    *commands, down = _commands()
    assert down == "samvad stack down", "ends the servers of this run: tests of the stack do that with their own"
    script = "\n".join(commands).replace("samvad worker &", "samvad worker > worker.out &")
    script = script.replace("samvad edge &", "samvad edge > edge.out &")
    script = script.replace("samvad talk", f"{UNTIL_READY}echo 'Hello?' | samvad talk")
    port = str(free_port())
    started = subprocess.Popen(
        ["bash", "-euc", f"{PROLOGUE}\n{script.replace('8000', port)}"],
        cwd=tmp_path,
        env={**_environ(stack, models, tmp_path), "SAMVAD_PORT": port},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        answer, said = started.communicate(timeout=200)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(started.pid, signal.SIGTERM)
    assert len(answer.splitlines()[-1].split()) > 5, said


def _environ(stack: RunningStack, models: Path, folder: Path) -> dict[str, str]:
    (folder / "models.yaml").write_text(models.read_text())
    command = folder / "bin" / "samvad"  # this checkout's, whatever is installed
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m infra.cli.main "$@"\n')
    command.chmod(0o755)
    return {
        **program_environ(),
        "PATH": f"{command.parent}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "SAMVAD_STACK": str(stack.folder),
    }
