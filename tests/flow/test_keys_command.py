"""`samvad keys` on a store that edges work on too."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from infra.cli import keys as keys_command
from infra.cli import signing_in_here
from infra.cli import users as users_command
from schemas import codec
from schemas.edge_notices import SignedOut
from schemas.headers import ReplyAddress
from schemas.ids import new_id
from tests.flow.running_edge import stage
from tests.flow.signing_in import PASSWORD, bearer
from ws_edge.signing_in import signing_out

Keys = Callable[..., Result]


@pytest.fixture
def keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Keys:
    environ = {"DATA": str(tmp_path), "KAFKA": "", "CASSANDRA": "", "MAX_API_KEYS": "2"}
    for name, value in environ.items():
        monkeypatch.setenv(f"SAMVAD_{name}", value)
    made = CliRunner().invoke(users_command.app, ["add", "asha", "--password-stdin"], input=f"{PASSWORD}\n")
    assert made.exit_code == 0, made.stderr
    return lambda *words: CliRunner().invoke(keys_command.app, words)


@pytest.fixture
def made(keys: Keys) -> str:
    created = keys("create", "ASHA", " nightly report ")
    assert created.exit_code == 0, created.stderr
    return created.stdout.rstrip("\n")


def test_a_key_is_printed_once_and_listed_without_itself(keys: Keys, made: str) -> None:
    assert made.startswith("sv-") and "\n" not in made
    (listed,) = json.loads(keys("list", "asha", "--json").stdout)
    assert (listed["name"], listed["last_four"], listed["used_at"]) == ("nightly report", made[-4:], None)
    shown = keys("list", "asha").stdout
    assert listed["id"] in shown and "never used" in shown and made not in shown


async def test_a_key_lets_its_user_in(keys: Keys, made: str, tmp_path: Path) -> None:
    async with stage(tmp_path) as scene, scene.http(None) as http:
        assert (await http.get("/v1/conversations", headers=bearer(made))).status_code == 200


def test_a_revoked_key_is_gone(keys: Keys, made: str) -> None:
    (listed,) = json.loads(keys("list", "asha", "--json").stdout)
    revoked = keys("revoke", "asha", listed["id"])
    assert (revoked.exit_code, revoked.stdout) == (0, f"key {listed['id']} is revoked\n")
    assert "SAMVAD_KAFKA is not set" in revoked.stderr
    assert keys("list", "asha").stdout == "no keys yet: samvad keys create USER NAME\n"


class Broker:
    """Stands in for Kafka: a writer and a producer in one."""

    def __init__(self) -> None:
        self.is_away = False
        self.told: list[tuple[str, SignedOut]] = []

    async def __aenter__(self) -> "Broker":
        return self

    async def __aexit__(self, *_: object) -> None:
        return None

    def publish_bytes(self, user_id: str, address: ReplyAddress, value: bytes) -> asyncio.Future[None]:
        done = asyncio.get_running_loop().create_future()
        if not self.is_away:
            self.told.append((user_id, codec.decode_signed_out(value)))
            done.set_result(None)
        return done


@pytest.fixture
def broker(monkeypatch: pytest.MonkeyPatch) -> Broker:
    broker = Broker()
    monkeypatch.setenv("SAMVAD_KAFKA", "127.0.0.1:1")
    monkeypatch.setattr(signing_in_here, "KafkaWriter", lambda settings: broker)
    monkeypatch.setattr(signing_in_here, "ReplyProducer", lambda writer: writer)
    monkeypatch.setattr(signing_out, "TELL_SECONDS", 0.05)
    return broker


def test_edges_that_could_not_be_told_of_a_revoked_key_are_told_when_it_is_revoked_again(
    keys: Keys, made: str, broker: Broker
) -> None:
    (listed,) = json.loads(keys("list", "asha", "--json").stdout)
    broker.is_away = True
    unheard = keys("revoke", "asha", listed["id"])
    assert (unheard.exit_code, broker.told) == (1, [])
    assert "run this again" in unheard.stderr
    broker.is_away = False
    again = keys("revoke", "asha", listed["id"])
    assert (again.exit_code, again.stdout) == (0, f"the user has no key {listed['id']} (any more)\n")
    ((_, notice),) = broker.told
    assert notice == SignedOut(sign_in_id=listed["id"])


def test_a_user_of_the_identity_provider_has_keys_by_id(keys: Keys) -> None:
    user_id = new_id()
    assert keys("create", user_id, "report", "--id").stdout.startswith("sv-")
    assert "report" in keys("list", user_id, "--id").stdout
    assert keys("list", "asha").stdout.startswith("no keys yet")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["create", "nobody", "x"], "no such account"),
        (["create", "asha", " "], "1 to 100 characters"),
        (["create", "asha", "one too many"], "as many keys"),
        (["revoke", "nobody", new_id()], "no such account"),
        (["list", "asha", "--id"], "is a UUID"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_sentence(keys: Keys, words: list[str], sentence: str) -> None:
    for name in ("one", "two"):
        keys("create", "asha", name)
    refused = keys(*words)
    assert (refused.exit_code, refused.stderr.count("\n"), refused.stdout) == (1, 1, "")
    assert sentence in refused.stderr
