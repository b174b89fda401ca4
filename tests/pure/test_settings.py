"""Settings from the environment: half of a sign-in is refused by name, secrets are never shown."""

from pathlib import Path

import pytest
import typer
from pydantic import ValidationError

from infra.cassandra_settings import CassandraSettings
from infra.cli.refusals import clear_refusals
from infra.cli.show_settings import rows, settings
from infra.kafka_settings import KafkaSettings
from infra.settings import SharedSettings
from infra.sign_in_secret import UnusableSecret, sign_in_secret

PASSWORD = "canary-4711"


def set_all(monkeypatch: pytest.MonkeyPatch, **values: str) -> None:
    for name, value in values.items():
        monkeypatch.setenv(f"SAMVAD_{name}", value)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"KAFKA_SECURITY": "SASL_SSL", "KAFKA_USERNAME": "u"}, "needs SAMVAD_KAFKA_SASL_MECHANISM and"),
        ({"KAFKA_PASSWORD": PASSWORD}, "SAMVAD_KAFKA_PASSWORD would have no effect"),
        ({"KAFKA_SECURITY": "SSL", "KAFKA_CA_FILE": "/not/there"}, "SAMVAD_KAFKA_CA_FILE names /not/there"),
        ({"KAFKA_CA_FILE": __file__}, "SAMVAD_KAFKA_CA_FILE would have no effect"),
        ({"KAFKA_SECURITY": "SSL", "KAFKA_KEY_FILE": __file__}, "SAMVAD_KAFKA_CERTIFICATE_FILE is not"),
    ],
)
def test_a_kafka_sign_in_that_cannot_work_is_refused_by_the_name_of_its_variable(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], values: dict[str, str], said: str
) -> None:
    set_all(monkeypatch, **values)
    with pytest.raises(typer.Exit), clear_refusals():
        KafkaSettings()
    refusal = capsys.readouterr().err
    assert said in refusal
    assert PASSWORD not in refusal


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"CASSANDRA_USERNAME": "u"}, "SAMVAD_CASSANDRA_PASSWORD is not"),
        ({"CASSANDRA_CA_FILE": "/not/there"}, "SAMVAD_CASSANDRA_CA_FILE names /not/there"),
        (
            {"CASSANDRA_CERTIFICATE_FILE": __file__, "CASSANDRA_KEY_FILE": __file__},
            "SAMVAD_CASSANDRA_CERTIFICATE_FILE needs SAMVAD_CASSANDRA_CA_FILE",
        ),
        ({"CASSANDRA": "host:port"}, "host:port is no contact point"),
        ({"CASSANDRA_KEYSPACE": "x; DROP"}, "should match pattern"),
    ],
)
def test_a_cassandra_sign_in_that_cannot_work_is_refused_by_the_name_of_its_variable(
    monkeypatch: pytest.MonkeyPatch, values: dict[str, str], said: str
) -> None:
    set_all(monkeypatch, **values)
    with pytest.raises(ValidationError, match=said):
        CassandraSettings()


def test_contact_points_are_split_and_get_the_usual_port(monkeypatch: pytest.MonkeyPatch) -> None:
    set_all(monkeypatch, CASSANDRA="10.0.0.1, 10.0.0.2:9999,")
    assert CassandraSettings().cassandra == ("10.0.0.1:9042", "10.0.0.2:9999")


def test_an_empty_variable_counts_as_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    set_all(monkeypatch, KAFKA="", KAFKA_PASSWORD="", CASSANDRA="")
    assert KafkaSettings().address() is None
    assert CassandraSettings().cassandra == ()


def test_a_kafka_client_gets_what_the_settings_say_and_nothing_shows_the_password(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    set_all(
        monkeypatch,
        KAFKA="broker:9093",
        KAFKA_SECURITY="SASL_PLAINTEXT",
        KAFKA_SASL_MECHANISM="SCRAM-SHA-512",
        KAFKA_USERNAME="edge",
        KAFKA_PASSWORD=PASSWORD,
    )
    address = KafkaSettings().address()
    assert address is not None
    assert address.options() == {
        "bootstrap_servers": "broker:9093",
        "security_protocol": "SASL_PLAINTEXT",
        "sasl_mechanism": "SCRAM-SHA-512",
        "sasl_plain_username": "edge",
        "sasl_plain_password": PASSWORD,
    }
    settings()
    assert PASSWORD not in repr(address) + repr(KafkaSettings()) + capsys.readouterr().out


def test_every_setting_is_printed_once_with_both_roles_defaults_where_they_differ() -> None:
    printed = {variable: value for variable, value, *_ in rows()}
    assert len(printed) == len(rows())
    assert printed["SAMVAD_DRAIN_SECONDS"] == "edge 20.0, worker 30.0"
    assert "SAMVAD_MODEL" in printed


def test_edges_share_a_given_secret_and_a_short_or_missing_one_is_refused(tmp_path: Path) -> None:
    given, short = tmp_path / "given", tmp_path / "short"
    given.write_bytes(b"x" * 32)
    short.write_bytes(b"x" * 31)
    assert sign_in_secret(SharedSettings(data=tmp_path / "a", sign_in_secret_file=given)) == b"x" * 32
    for file, said in ((short, "31 bytes"), (tmp_path / "none", "can't be read")):
        with pytest.raises(UnusableSecret, match=said):
            sign_in_secret(SharedSettings(sign_in_secret_file=file))
    made = sign_in_secret(SharedSettings(data=tmp_path / "b"))
    assert made == sign_in_secret(SharedSettings(data=tmp_path / "b")) and len(made) == 32
