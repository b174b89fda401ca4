"""`samvad users`: local accounts, for installations without an identity provider.

Works on the store that the edges use, and tells running edges on SAMVAD_KAFKA what has ended. Passwords are asked for,
or come on standard input; never as an argument, which everybody on the machine could read.
"""

import json
import sys
from collections.abc import Awaitable, Callable
from typing import Annotated, TypeVar

import typer

from infra.cli.signing_in_here import do, say_if_nobody_was_told, say_where
from schemas.clock import rfc3339
from schemas.roles import Role
from store.sign_in_rows import UserRow
from ws_edge.signing_in.accounts import Accounts

T = TypeVar("T")

NAME = Annotated[str, typer.Argument(help="the account's name")]
FROM_STDIN = Annotated[bool, typer.Option("--password-stdin", help="read the password from standard input")]
PAGE = 200

app = typer.Typer(help="Local accounts, for installations without an identity provider.", no_args_is_help=True)


@app.command()
def add(
    name: NAME,
    role: Annotated[Role, typer.Option(help="what the user may do")] = Role.USER,
    password_stdin: FROM_STDIN = False,
) -> None:
    """Make an account."""
    password = _password(password_stdin)
    row = _do(lambda accounts: accounts.add(name, password, role))
    print(f"{row.name} is {row.user_id}")
    say_where()


@app.command("list")
def list_users(json_: Annotated[bool, typer.Option("--json", help="for programs")] = False) -> None:
    """Show all accounts, by name."""
    rows = sorted(_do(_all), key=lambda row: row.name or "")
    if json_:
        print(json.dumps([_as_json(row) for row in rows]))
        return
    for row in rows:
        print(f"{row.name}\t{row.role}\t{'disabled' if row.disabled else 'enabled'}\t{row.user_id}")
    if not rows:
        print("no accounts yet: samvad users add NAME")


@app.command()
def set_password(name: NAME, password_stdin: FROM_STDIN = False) -> None:
    """Give an account another password, and end its sign-ins."""
    password = _password(password_stdin)
    _do_to(name, lambda accounts, user_id: accounts.set_password(user_id, password), "has a new password")


@app.command()
def set_role(name: NAME, role: Annotated[Role, typer.Argument(help="what the user may do")]) -> None:
    """Make a user an admin, or an admin a user. Counts within 5 seconds."""
    _do_to(name, lambda accounts, user_id: accounts.set_role(user_id, role), f"is {role} now")


@app.command()
def disable(name: NAME) -> None:
    """Sign the user out everywhere, and let nobody in as them, by password or by API key."""
    _do_to(name, lambda accounts, user_id: accounts.disable(user_id), "is disabled")


@app.command()
def enable(name: NAME) -> None:
    """Let a disabled user sign in again."""
    _do_to(name, lambda accounts, user_id: accounts.enable(user_id), "may sign in again")


@app.command()
def sign_out(name: NAME) -> None:
    """End every sign-in of the user. API keys stay."""
    _do_to(name, lambda accounts, user_id: accounts.sign_out(user_id), "is signed out")


def _password(from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    password: str = typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    return password


def _do_to(name: str, change: Callable[[Accounts, str], Awaitable[None]], done: str) -> None:
    async def find_and_change(accounts: Accounts) -> str:
        row = await accounts.of_name(name)
        await change(accounts, row.user_id)
        return row.name or ""

    print(f"{_do(find_and_change)} {done}")
    say_if_nobody_was_told()


def _do(work: Callable[[Accounts], Awaitable[T]]) -> T:
    return do(lambda here: work(here.accounts))


async def _all(accounts: Accounts) -> list[UserRow]:
    rows, page = list[UserRow](), await accounts.page(PAGE)
    while page:
        rows += page
        page = await accounts.page(PAGE, page[-1].user_id)
    return rows


def _as_json(row: UserRow) -> dict[str, object]:
    return {
        "user_id": row.user_id,
        "name": row.name,
        "role": row.role.value,
        "disabled": row.disabled,
        "created_at": rfc3339(row.created_at_ms),
    }
