"""Roles whose servers are not there, or not made ready: one sentence, or patience that a signal ends."""

import json
import subprocess
import sys
from pathlib import Path

from tests.flow.broker_process import broker_process
from tests.whole.processes import free_port, program_environ


def _role(name: str, folder: Path, kafka: str) -> "subprocess.Popen[str]":
    models = folder / "models.yaml"
    models.write_text("model_list: [{model_name: fast, litellm_params: {model: hosted_vllm/x, api_key: none}}]")
    settings = {"SAMVAD_KAFKA": kafka, "SAMVAD_DATA": str(folder), "SAMVAD_MODELS": str(models), "SAMVAD_PORT": "0"}
    return subprocess.Popen(
        [sys.executable, "-m", "infra.cli.main", name],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env={**program_environ(), **settings},
    )


def test_a_role_whose_topics_are_missing_says_which_command_makes_them(tmp_path: Path) -> None:
    with broker_process() as broker:
        for name in ("edge", "worker"):
            said = _role(name, tmp_path, broker.address).communicate(timeout=30)[1]
            assert "chat.usage" in said and "`samvad topics`" in said
            assert "Traceback" not in said


def test_a_role_waits_for_kafka_with_a_line_in_its_log_until_it_is_told_to_stop(tmp_path: Path) -> None:
    role = _role("edge", tmp_path, f"127.0.0.1:{free_port()}")
    assert role.stderr is not None
    for line in role.stderr:
        if json.loads(line)["event"] == "waiting_for_kafka":
            break
    role.terminate()
    said = role.communicate(timeout=10)[1]
    assert role.returncode == 0
    assert "Traceback" not in said
