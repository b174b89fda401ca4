"""`samvad keys`: API keys of a user's programs.

Works on the store that the edges use, and tells running edges on SAMVAD_KAFKA what was revoked. A key is printed once,
alone on standard output, when it is made: what is kept is its hash.
"""

import json
import uuid
from typing import Annotated

import typer

from infra.cli.signing_in_here import Here, do, say_if_nobody_was_told
from infra.refused import Refused
from schemas.clock import rfc3339
from store.sign_in_rows import ApiKeyRow

MAX_NAME_CHARACTERS = 100

USER = Annotated[str, typer.Argument(help="the account's name")]
BY_ID = Annotated[bool, typer.Option("--id", help="USER is a user's id: also one of the identity provider's users")]

app = typer.Typer(help="API keys, with which a user's programs sign in.", no_args_is_help=True)


@app.command()
def create(user: USER, name: Annotated[str, typer.Argument(help="what the key is for")], by_id: BY_ID = False) -> None:
    """Make a key, and print it: it is shown this once."""
    key, row = do(lambda here: _create(here, user, by_id, name))
    print(key)
    typer.echo(f"key {row.key_id} ({row.name}): keep it, it is shown this once", err=True)


@app.command("list")
def list_keys(
    user: USER, by_id: BY_ID = False, json_: Annotated[bool, typer.Option("--json", help="for programs")] = False
) -> None:
    """Show the user's keys, but not the keys themselves."""
    rows = do(lambda here: _keys(here, user, by_id))
    if json_:
        print(json.dumps([_as_json(row) for row in rows]))
        return
    for row in rows:
        print(f"{row.key_id}\t{row.name}\t...{row.last_four}\t{_used(row) or 'never used'}")
    if not rows:
        print("no keys yet: samvad keys create USER NAME")


@app.command()
def revoke(
    user: USER,
    key_id: Annotated[uuid.UUID, typer.Argument(help="as `samvad keys list` shows it")],
    by_id: BY_ID = False,
) -> None:
    """Let the key in no more, and close its sockets. May be repeated."""
    was_there = do(lambda here: _revoke(here, user, by_id, str(key_id)))
    print(f"key {key_id} is revoked" if was_there else f"the user has no key {key_id} (any more)")
    say_if_nobody_was_told()


async def _create(here: Here, user: str, by_id: bool, name: str) -> tuple[str, ApiKeyRow]:
    if not 1 <= len(name.strip()) <= MAX_NAME_CHARACTERS:
        raise Refused(f"a key's name has 1 to {MAX_NAME_CHARACTERS} characters")
    return await here.keys.make(await _user_id(here, user, by_id), name.strip())


async def _keys(here: Here, user: str, by_id: bool) -> list[ApiKeyRow]:
    return await here.keys.of_user(await _user_id(here, user, by_id))


async def _revoke(here: Here, user: str, by_id: bool, key_id: str) -> bool:
    """Whether the key was there. Edges are told of it in any case: those before may not have been reached."""
    user_id = await _user_id(here, user, by_id)
    was_there = key_id in {row.key_id for row in await here.keys.of_user(user_id)}
    await here.signing_out.revoke(user_id, key_id)
    return was_there


async def _user_id(here: Here, user: str, by_id: bool) -> str:
    if not by_id:
        return (await here.accounts.of_name(user)).user_id
    try:
        return str(uuid.UUID(user))
    except ValueError as error:
        raise Refused("a user's id is a UUID") from error


def _used(row: ApiKeyRow) -> str | None:
    return None if row.used_at_ms is None else rfc3339(row.used_at_ms)


def _as_json(row: ApiKeyRow) -> dict[str, object]:
    return {
        "id": row.key_id,
        "name": row.name,
        "last_four": row.last_four,
        "created_at": rfc3339(row.created_at_ms),
        "used_at": _used(row),
    }
