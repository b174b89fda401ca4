"""`samvad users` on a store that edges work on too."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from infra.cli.users import app
from schemas.roles import Role
from store.sqlite.opening import open_store
from tests.flow.signing_in import PASSWORD
from ws_edge.signing_in.names import local_user_id
from ws_edge.signing_in.passwords import Passwords

Users = Callable[..., Result]


@pytest.fixture
def users(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Users:
    for name, value in {"DATA": str(tmp_path), "KAFKA": "", "CASSANDRA": ""}.items():
        monkeypatch.setenv(f"SAMVAD_{name}", value)
    return lambda *words, said="": CliRunner().invoke(app, words, input=said)


def test_an_account_is_made_listed_changed_and_disabled(users: Users, tmp_path: Path) -> None:
    made = users("add", "Asha", "--role", "admin", "--password-stdin", said=f"{PASSWORD}\n")
    assert (made.exit_code, made.stdout) == (0, f"asha is {local_user_id('asha')}\n")
    assert "samvad.db" in made.stderr
    for words, said in (
        (["set-role", "ASHA", "user"], "asha is user now\n"),
        (["disable", "asha"], "asha is disabled\n"),
        (["enable", "asha"], "asha may sign in again\n"),
        (["sign-out", "asha"], "asha is signed out\n"),
        (["disable", "asha"], "asha is disabled\n"),
    ):
        done = users(*words)
        assert (done.exit_code, done.stdout) == (0, said), done.stderr
    (listed,) = json.loads(users("list", "--json").stdout)
    assert (listed["name"], listed["role"], listed["disabled"]) == ("asha", "user", True)
    row = asyncio.run(_stored(tmp_path))
    assert (row.role, row.disabled) == (Role.USER, True)
    assert PASSWORD not in repr(row) and row.password_hash.startswith("$argon2id$")
    assert asyncio.run(Passwords().verify(PASSWORD, row.password_hash))


@pytest.mark.parametrize(
    ("words", "said", "sentence"),
    [
        (["add", "asha", "--password-stdin"], "short\n", "8 to 1024 characters"),
        (["add", "a\nb", "--password-stdin"], f"{PASSWORD}\n", "printable"),
        (["disable", "nobody"], "", "no such account"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_sentence(users: Users, words: list[str], said: str, sentence: str) -> None:
    refused = users(*words, said=said)
    assert (refused.exit_code, refused.stderr.count("\n"), refused.stdout) == (1, 1, "")
    assert sentence in refused.stderr


async def _stored(folder: Path):  # type: ignore[no-untyped-def]
    async with open_store(folder / "samvad.db") as store:
        return await store.users.get(local_user_id("asha"))
