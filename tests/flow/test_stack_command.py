"""`samvad stack`: what it prints, refuses and returns, without any server."""

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from infra.cli import stack as command
from infra.stack import Ports, StackAddresses, StackOptions
from infra.stack.addresses import stack_addresses
from infra.stack.layout import Layout, remember
from infra.stack.secret_files import Secrets, read_secrets


def run(*arguments: str) -> Result:
    return CliRunner().invoke(command.app, list(arguments))


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[StackOptions]:
    """The options of every `up`, which starts nothing."""
    all_asked: list[StackOptions] = []

    def up(options: StackOptions, _: object) -> StackAddresses:
        all_asked.append(options)
        secrets = read_secrets(options.folder / "secrets") if options.secure else None
        return stack_addresses(options, secrets)

    monkeypatch.setattr(command, "stack_up", up)
    return all_asked


def test_without_a_stack_status_says_so_and_down_does_nothing(tmp_path: Path) -> None:
    status = run("status", "--folder", str(tmp_path))
    assert (status.exit_code, status.stdout.strip()) == (4, f"no stack in {tmp_path}")
    down = run("down", "--folder", str(tmp_path))
    assert (down.exit_code, "no stack in" in down.stderr) == (0, True)


def test_what_does_not_run_is_down_and_status_says_so_by_its_exit_code(tmp_path: Path) -> None:
    remember(StackOptions(tmp_path, ports=Ports.free()))
    status = run("status", "--folder", str(tmp_path))
    assert status.exit_code == 3
    assert [line.split()[:2] for line in status.stdout.splitlines()[1:]] == [
        ["kafka-1", "down"],
        ["cassandra-1", "down"],
        ["jaeger", "down"],
    ]


def test_logs_of_a_server_that_is_not_there_names_those_that_are(tmp_path: Path) -> None:
    remember(StackOptions(tmp_path))
    logs = run("logs", "kafka-2", "--folder", str(tmp_path))
    assert logs.exit_code == 1
    assert "no server kafka-2" in logs.stderr
    assert "kafka-1, cassandra-1, jaeger" in logs.stderr


def test_up_prints_the_settings_for_a_shell(asked: list[StackOptions], tmp_path: Path) -> None:
    said = run("up", "--folder", str(tmp_path), "--brokers", "3", "--no-jaeger", "--ports", "+100")
    assert asked == [StackOptions(tmp_path, brokers=3, with_jaeger=False, ports=Ports().moved(100))]
    assert said.stdout.splitlines() == [
        "export SAMVAD_KAFKA=127.0.0.1:9192,127.0.0.2:9192,127.0.0.3:9192",
        "export SAMVAD_CASSANDRA=127.0.0.1:9142",
    ]


def test_up_shows_no_password_but_where_it_is(asked: list[StackOptions], tmp_path: Path) -> None:
    secrets = Secrets(tmp_path / "secrets", "stores", "kafka-secret", "cassandra-secret")
    secrets.folder.mkdir()
    (secrets.folder / "stores-password").write_text("stores")
    for name, file in secrets.password_files().items():
        file.write_text("kafka-secret" if "KAFKA" in name else "cassandra-secret")
    said = run("up", "--folder", str(tmp_path), "--secure")
    assert f'export SAMVAD_KAFKA_PASSWORD="$(cat {secrets.folder}/kafka-password)"' in said.stdout
    assert "-secret" not in said.output


def test_a_folder_s_second_up_needs_no_options_and_keeps_its_free_ports(
    asked: list[StackOptions], tmp_path: Path
) -> None:
    first = StackOptions(tmp_path, brokers=3, ports=Ports.free())
    remember(first)
    run("up", "--folder", str(tmp_path))
    run("up", "--folder", str(tmp_path), "--ports", "free")
    assert asked == [first, first]


def test_nonsense_is_refused_in_a_sentence(asked: list[StackOptions], tmp_path: Path) -> None:
    for wrong in (["--brokers", "2"], ["--ports", "some"]):
        said = run("up", "--folder", str(tmp_path), *wrong)
        assert said.exit_code == 1
        assert said.stderr.startswith("samvad: ")
        assert "Traceback" not in said.output
    assert asked == []
    assert not Layout(tmp_path).options_file.exists()
