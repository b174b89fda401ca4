"""A secure stack: Samvad's commands and roles reach it by their settings, and nobody without the password does."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from stat import S_IMODE

import certifi
import pytest
from aiokafka.errors import KafkaError

from infra.prove.tcp_proxy import tcp_proxy
from infra.stack import Ports, StackOptions, server
from infra.stack.readiness import answers
from producers.kafka_address import KafkaAddress
from store.cassandra.migrating import migrate
from store.errors import StoreError
from tests.connected.own_stack import OwnStack, own_stack, processes_of, topics
from tests.connected.roles import Roles
from tests.connected.running_stack import prepared
from tests.whole.people import assert_seen_is_stored, person
from tests.whole.processes import program_environ

pytestmark = [pytest.mark.connected, pytest.mark.timeout(180)]


@pytest.fixture(scope="module")
def secure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnStack]:
    folder = tmp_path_factory.mktemp("secure-stack")
    with own_stack(StackOptions(folder, with_jaeger=False, secure=True, ports=Ports.free())) as stack:
        yield stack


def samvad(*command: str, environ: dict[str, str], code: int = 0) -> str:
    """What the command printed; it must end with this code."""
    done = subprocess.run(
        [sys.executable, "-m", "infra.cli.main", *command],
        env={**program_environ(), **environ},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == code, done.stderr
    return done.stdout + done.stderr


async def test_samvads_commands_sign_in_by_their_settings(secure: OwnStack) -> None:
    environ = secure.addresses.environ()
    said = samvad("topics", environ=environ) + samvad("migrate", environ=environ)
    assert "chat.requests" in await topics(secure.addresses.kafka_address())
    assert environ["SAMVAD_KAFKA_PASSWORD"] not in said
    assert environ["SAMVAD_CASSANDRA_PASSWORD"] not in said


@pytest.fixture
def secure_roles(secure: OwnStack, tmp_path: Path, models: Path) -> Roles:
    ready = prepared(secure.options.folder, secure.addresses)
    return Roles(ready.environ, tmp_path, models)


async def test_a_turn_is_answered_on_servers_that_ask_for_tls_and_passwords(secure_roles: Roles) -> None:
    with secure_roles.worker(), secure_roles.edge() as edge:
        async with person(edge.said["edge"], "asha") as asha:
            turn = await asha.ask("Hello?")
            assert str(turn.status) == "completed"
            await assert_seen_is_stored(asha, [turn])
    secrets = [value for name, value in secure_roles.environ.items() if name.endswith("_PASSWORD")]
    assert len(secrets) == 2
    assert not [log for log in secure_roles.logs for secret in secrets if secret in log.read_text()]
    wrong = secure_roles.environ | {"SAMVAD_KAFKA_PASSWORD": "wrong-one"}
    said = samvad("topics", "--check", environ=wrong, code=1)
    assert "none lets samvad in with this password" in said and "wrong-one" not in said


async def test_kafka_refuses_who_brings_no_password_or_a_wrong_one(secure: OwnStack) -> None:
    address = secure.addresses.kafka_address()
    for stranger in (KafkaAddress(address.bootstrap_servers), replace(address, password="guessed")):
        with pytest.raises(KafkaError):
            async with asyncio.timeout(30):
                await topics(stranger)


@pytest.mark.parametrize("username", ["samvad", "cassandra"])
def test_cassandra_refuses_a_wrong_password_and_its_own_default_superuser(secure: OwnStack, username: str) -> None:
    ours = secure.addresses.cassandra_address()
    stranger = replace(ours, username=username, password="cassandra")
    with pytest.raises(StoreError):
        migrate(stranger, 1, print)


def test_a_cassandra_whose_certificate_comes_from_another_authority_is_refused(secure: OwnStack) -> None:
    address = replace(secure.addresses.cassandra_address(), ca_file=Path(certifi.where()))
    with pytest.raises(StoreError, match="check SAMVAD_CASSANDRA_CA_FILE"):
        migrate(address, 1, print)


async def test_a_cassandra_whose_certificate_names_another_address_is_refused_unless_nobody_checks(
    secure: OwnStack,
) -> None:
    async with tcp_proxy(secure.addresses.cassandra, host="127.0.0.99") as elsewhere:
        address = replace(secure.addresses.cassandra_address(), contact_points=(elsewhere.address,))
        with pytest.raises(StoreError, match="SAMVAD_CASSANDRA_CHECK_HOST_NAME"):
            await asyncio.to_thread(migrate, address, 1, print)
        await asyncio.to_thread(migrate, replace(address, check_host_name=False), 1, print)


@pytest.mark.parametrize("name", ["kafka-1", "cassandra-1"])
def test_a_server_says_nothing_without_tls(secure: OwnStack, name: str) -> None:
    plan = server(secure.options.folder, name).plan
    assert answers(plan, secure.addresses.kafka_address().ca_file)
    assert not answers(plan, None)


def test_secrets_are_in_files_of_this_user_alone_and_on_no_command_line(secure: OwnStack) -> None:
    folder, environ = secure.options.folder, secure.addresses.environ()
    assert S_IMODE((folder / "secrets").stat().st_mode) == 0o700
    assert {S_IMODE(file.stat().st_mode) for file in (folder / "secrets").iterdir()} == {0o600}
    secrets = [value for name, value in environ.items() if name.endswith("_PASSWORD")]
    holders = [file for file in folder.glob("*/*") if file.is_file() and _holds(file, secrets)]
    assert {S_IMODE(file.stat().st_mode) for file in holders} == {0o600}
    for pid in processes_of(folder):
        assert not _holds(Path(f"/proc/{pid}/cmdline"), secrets)


def _holds(file: Path, secrets: list[str]) -> bool:
    content = file.read_bytes()
    return any(os.fsencode(secret) in content for secret in secrets)
