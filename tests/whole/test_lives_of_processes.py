"""Starts and ends: SIGTERM, a second start, a folder or port in use, and what the log may say."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.whole.people import person
from tests.whole.processes import program, server

CANARY = "canary-7f3a91"


@pytest.mark.timeout(120)
async def test_conversations_of_an_earlier_run_go_on_and_no_text_is_in_the_log(tmp_path: Path, models: Path) -> None:
    with server(tmp_path, models) as first:
        async with person(first.said["edge"], "asha") as asha:
            conversation_id = asha.conversation_id
            await asha.ask(f"My name is {CANARY}.")
        assert first.end() == 0
    with server(tmp_path, models, SAMVAD_TRACE_FILE=str(tmp_path / "spans.jsonl")) as second:
        async with person(second.said["edge"], "asha") as asha:
            asha.conversation_id = conversation_id
            echoed = await asha.ask("What is my name?", "echo")
            assert CANARY in echoed.answer
            assert [row.title for row in (await asha.rest.conversations()).conversations] == [f"My name is {CANARY}."]
        assert second.end() == 0
    assert CANARY not in (tmp_path / "server.log").read_text()
    assert CANARY not in (tmp_path / "spans.jsonl").read_text()


@pytest.mark.timeout(60)
def test_a_folder_or_a_port_in_use_is_named_in_one_sentence(
    tmp_path: Path, models: Path, edge: str, server_folder: Path
) -> None:
    port = edge.rsplit(":", 1)[1]
    assert "SAMVAD_DATA" in _refusal(server_folder / "data", models, port)
    assert port in _refusal(tmp_path / "other", models, port)


def _refusal(data: Path, models: Path, port: str) -> str:
    environ = {"SAMVAD_DATA": str(data), "SAMVAD_MODELS": str(models), "SAMVAD_PORT": port}
    ended = subprocess.run(
        [sys.executable, "-m", "infra.cli.main", "chat"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        env={"PATH": "", **environ},
        timeout=40,
        check=False,
    )
    assert ended.returncode == 1
    assert "Traceback" not in ended.stderr
    return ended.stderr


@pytest.mark.timeout(60)
async def test_without_any_key_the_small_local_model_answers(tmp_path: Path) -> None:
    settings = {"SAMVAD_DATA": str(tmp_path / "data"), "SAMVAD_PORT": "0"}
    with program("chat", environ=settings, log=tmp_path / "server.log") as running:
        assert "SmolLM2" in running.said["model"]
        async with person(running.said["edge"], "asha") as asha:
            turn = await asha.ask("Say hello.")
            assert str(turn.status) == "completed"
            assert turn.answer.strip()
        assert running.end() == 0
