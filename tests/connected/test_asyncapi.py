"""docs/protocol/asyncapi.yaml against AsyncAPI's own JSON schema, which npm brings from the registry of packages."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest

from tests.missing_tools import missing

pytestmark = pytest.mark.connected

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "tests" / "clients" / "asyncapi"


@pytest.fixture(scope="module")
def schema(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """AsyncAPI 3.0's, at the version and with the hash of the lock."""
    if shutil.which("npm") is None:
        missing("AsyncAPI's schema comes by npm: apt install npm")
    folder = shutil.copytree(PACKAGE, tmp_path_factory.mktemp("asyncapi"), dirs_exist_ok=True)
    command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    install = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=100)
    assert install.returncode == 0, install.stderr
    path = folder / "node_modules" / "@asyncapi" / "specs" / "schemas" / "3.0.0-without-$id.json"
    read: dict[str, Any] = json.loads(path.read_text())
    return read


def test_the_protocols_file_is_valid_asyncapi_3(schema: dict[str, Any]) -> None:
    document = msgspec.yaml.decode((ROOT / "docs" / "protocol" / "asyncapi.yaml").read_bytes())
    validator = jsonschema.Draft7Validator(schema)
    assert [error.message[:300] for error in validator.iter_errors(document)] == []
    del document["operations"]["receive_hello"]["action"]
    assert not validator.is_valid(document), "a schema that takes everything proves nothing"
