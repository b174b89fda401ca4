"""Each role runs on exactly the packages of its lock: what its image holds, and nothing else."""

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from infra.direct_http import open_directly
from tests.flow.broker_process import broker_process
from tests.whole.processes import program

ROOT = Path(__file__).parents[2]
UV = Path(sys.executable).with_name("uv")
NOT_CACHED = ("not found in the cache", "wasn't found in the cache", "network was disabled", "there is no version of")
"""What uv says offline when its cache lacks a package, or the locked version of one."""


def _installation(role: str, folder: Path) -> Path:
    """The interpreter of an environment with the role's lock alone. From the cache: nothing is downloaded here."""
    for arguments in (
        ["venv", "--quiet", "--python", sys.executable, str(folder)],
        ["pip", "install", "--quiet", "--offline", "--require-hashes", "-r", f"locks/{role}.txt"],
    ):
        done = subprocess.run(
            [UV, *arguments], cwd=ROOT, env={**os.environ, "VIRTUAL_ENV": str(folder)}, capture_output=True, check=False
        )
        said = done.stderr.decode()
        if done.returncode and _is_not_cached(said):
            pytest.skip(f"uv's cache lacks packages of locks/{role}.txt: {said[-300:]}")
        assert done.returncode == 0, said
    _compile_nothing_again(next(folder.glob("lib/python*/site-packages")))
    return folder / "bin" / "python"


def _compile_nothing_again(packages: Path) -> None:
    """Brings what this environment's Python has compiled of the same sources: of LiteLLM alone, 7 s of CPU."""
    ours = Path(sysconfig.get_path("purelib"))
    for compiled in ours.rglob("__pycache__"):
        module = packages / compiled.parent.relative_to(ours)
        if module.is_dir():
            shutil.copytree(compiled, module / "__pycache__", dirs_exist_ok=True)


def _is_not_cached(said: str) -> bool:
    return any(words in said for words in NOT_CACHED)


@pytest.mark.parametrize(
    ("said", "is_not_cached"),
    [
        ("cause: Because anyio was not found in the cache and you require anyio==4.9.0", True),
        ("hint: Packages were unavailable because the network was disabled.", True),
        ("cause: Because there is no version of aiokafka==0.14.0 and you require aiokafka==0.14.0", True),
        ("error: Hash-checking is required, but no trusted hash was provided for: `idna`", False),
        ("error: In `--require-hashes` mode, all requirements must have a hash", False),
        ("error: Couldn't parse requirement in `locks/edge.txt` at position 0", False),
        ("error: File not found: `locks/edge.txt`", False),
    ],
)
def test_only_packages_that_are_not_there_are_a_reason_to_skip(said: str, is_not_cached: bool) -> None:
    assert _is_not_cached(said) is is_not_cached


@pytest.fixture(scope="module")
def edge_python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _installation("edge", tmp_path_factory.mktemp("edge"))


@pytest.fixture(scope="module")
def worker_python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _installation("worker", tmp_path_factory.mktemp("worker"))


def _samvad(python: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [python, "-m", "infra.cli.main", *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )


def _settings(folder: Path, kafka: str) -> dict[str, str]:
    models = folder / "models.yaml"
    models.write_text(
        "model_list: [{model_name: fast, litellm_params: {model: openai/x, api_key: os.environ/THE_KEY}}]"
    )
    return {
        "SAMVAD_KAFKA": kafka,
        "SAMVAD_DATA": str(folder),
        "SAMVAD_MODELS": str(models),
        "SAMVAD_PORT": "0",
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        "PYTHONPATH": str(ROOT),
    }


def test_the_edges_installation_serves_without_litellm_and_without_a_providers_key(
    edge_python: Path, tmp_path: Path
) -> None:
    assert subprocess.run([edge_python, "-c", "import litellm"], capture_output=True, check=False).returncode == 1
    with broker_process() as broker:
        environ = _settings(tmp_path, broker.address)
        with program(
            "edge", "--embedded-broker", environ=environ, log=tmp_path / "edge.log", python=edge_python
        ) as edge:
            with open_directly(f"{edge.said['edge']}/readyz", 10) as answer:
                assert answer.status == 200
            assert edge.end(30) == 0


def test_the_workers_installation_takes_turns_without_the_edges_libraries(worker_python: Path, tmp_path: Path) -> None:
    assert subprocess.run([worker_python, "-c", "import fastapi"], capture_output=True, check=False).returncode == 1
    with broker_process() as broker:
        environ = {**_settings(tmp_path, broker.address), "THE_KEY": "none"}
        with program(
            "worker", "--embedded-broker", environ=environ, log=tmp_path / "worker.log", python=worker_python
        ) as worker:
            assert "worker" in worker.said
            assert worker.end(30) == 0


def test_the_workers_installation_serves_practice_models(worker_python: Path, tmp_path: Path) -> None:
    environ = {"PYTHONPATH": str(ROOT)}
    with program(
        "practice-provider", "--port", "0", environ=environ, log=tmp_path / "log", python=worker_python
    ) as provider:
        assert provider.said["base_url"].endswith("/v1")


def test_a_command_of_another_role_says_which_extra_it_needs(edge_python: Path, worker_python: Path) -> None:
    for python, command, extra in (
        (edge_python, ("practice-provider", "--port", "0"), "worker"),
        (edge_python, ("talk",), "talk"),
        (worker_python, ("edge",), "edge"),
    ):
        said = _samvad(python, *command)
        assert said.returncode == 1
        assert f"pip install 'samvad[{extra}]'" in said.stderr
        assert "Traceback" not in said.stderr


def test_help_lists_every_command_in_every_installation(edge_python: Path, worker_python: Path) -> None:
    for python in (edge_python, worker_python):
        said = _samvad(python, "--help")
        assert said.returncode == 0, said.stderr
        assert all(name in said.stdout for name in ("chat", "edge", "worker", "practice-provider", "settings"))
