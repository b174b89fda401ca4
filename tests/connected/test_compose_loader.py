"""compose.yaml loads in the Compose project's own loader, the one behind `docker compose`."""

import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.container_files import ROOT, compose
from tests.missing_tools import missing

pytestmark = [pytest.mark.connected, pytest.mark.timeout(300)]

MODULE = Path(__file__).parent / "compose_loader"
COMMAND = "github.com/compose-spec/compose-go/v2/cmd"


@pytest.fixture(scope="module")
def loader(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The loader's program, built from its locked requirements (16 s the first time)."""
    go = shutil.which("go")
    if go is None:
        missing("Go is not on this machine, and the Compose project's loader is a Go program: install Go (go.dev/dl)")
    binary = tmp_path_factory.mktemp("loader") / "compose-loader"
    built = subprocess.run(
        [go, "build", "-o", binary, COMMAND], cwd=MODULE, capture_output=True, text=True, check=False
    )
    assert built.returncode == 0, built.stderr
    return binary


def _load(loader: Path, file: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([loader, file], cwd=ROOT, capture_output=True, text=True, check=False)


def test_it_loads_with_all_services_and_the_files_of_this_folder(loader: Path) -> None:
    done = _load(loader, ROOT / "compose.yaml")
    assert done.returncode == 0, done.stderr
    project = yaml.safe_load(done.stdout)
    assert set(project["services"]) == set(compose()["services"])
    assert all(Path(config["file"]).is_file() for config in project["configs"].values())
    assert all(Path(s["build"]["context"]) == ROOT for s in project["services"].values() if "build" in s)


def test_a_misspelt_key_does_not_load(loader: Path, tmp_path: Path) -> None:
    wrong = tmp_path / "compose.yaml"
    wrong.write_text((ROOT / "compose.yaml").read_text().replace("read_only:", "read_onyl:"))
    assert "read_onyl" in _load(loader, wrong).stderr
