"""`samvad talk`: a conversation in the terminal with any edge."""

from pathlib import Path
from typing import Annotated

import typer

from infra.settings import SharedSettings
from infra.signals import run


def talk(
    edge: Annotated[str, typer.Option(help="address of an edge")] = "http://127.0.0.1:8000",
    name: Annotated[str | None, typer.Option(help="who to sign in as (default: SAMVAD_NAME or your user name)")] = None,
    password: Annotated[bool, typer.Option("--password", help="ask for the password of a local account")] = False,
    token_file: Annotated[Path | None, typer.Option(help="sign in with the token or API key in this file")] = None,
    model: Annotated[str | None, typer.Option(help="model alias; /model lists them")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="go on with the newest conversation")] = False,
) -> None:
    """Talk to a running Samvad. Ctrl-C stops an answer; twice, or at the prompt, leaves."""
    from infra.talk import ByName, ByPassword, ByTokenFile, talk  # noqa: PLC0415  not needed by servers

    who = name or SharedSettings().name
    credentials: ByName | ByPassword | ByTokenFile = ByName(who)
    if token_file is not None:
        credentials = ByTokenFile(token_file)
    elif password:
        credentials = ByPassword(who, typer.prompt("Password", hide_input=True, err=True))
    raise typer.Exit(run(talk(edge, credentials, resume=resume, model=model)))
