"""TLS everywhere, SCRAM for Kafka, a password for Cassandra: a turn is answered, and no secret is told."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.stack import Ports, StackOptions
from tests.connected.roles import Roles
from tests.connected.running_stack import RunningStack, running_stack
from tests.whole.people import assert_seen_is_stored, person
from tests.whole.processes import program_environ

pytestmark = [pytest.mark.connected, pytest.mark.timeout(300)]


@pytest.fixture
def secure_stack(tmp_path: Path) -> Iterator[RunningStack]:
    options = StackOptions(tmp_path / "stack", with_jaeger=False, secure=True, ports=Ports.free())
    with running_stack(options) as stack:
        yield stack


async def test_a_turn_is_answered_on_servers_that_ask_for_tls_and_passwords(
    secure_stack: RunningStack, tmp_path: Path, models: Path
) -> None:
    roles = Roles(secure_stack.environ, tmp_path, models)
    with roles.worker(), roles.edge() as edge:
        async with person(edge.said["edge"], "asha") as asha:
            turn = await asha.ask("Hello?")
            assert str(turn.status) == "completed"
            await assert_seen_is_stored(asha, [turn])
    secrets = [value for name, value in secure_stack.environ.items() if name.endswith("_PASSWORD")]
    assert len(secrets) == 2
    assert not [log for log in roles.logs for secret in secrets if secret in log.read_text()]
    said = _topics(secure_stack.environ | {"SAMVAD_KAFKA_PASSWORD": "wrong-one"})
    assert "none lets samvad in with this password" in said and "wrong-one" not in said


def _topics(environ: dict[str, str]) -> str:
    ended = subprocess.run(
        [sys.executable, "-m", "infra.cli.main", "topics", "--check"],
        env={**program_environ(), **environ},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 1
    return ended.stdout + ended.stderr
