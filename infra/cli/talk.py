"""`samvad talk`: a conversation in the terminal with any edge."""

from typing import Annotated

import typer

from infra.settings import SharedSettings
from infra.signals import run


def talk(
    edge: Annotated[str, typer.Option(help="address of an edge")] = "http://127.0.0.1:8000",
    name: Annotated[str | None, typer.Option(help="who to sign in as (default: SAMVAD_NAME or your user name)")] = None,
    model: Annotated[str | None, typer.Option(help="model alias; /model lists them")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="go on with the newest conversation")] = False,
) -> None:
    """Talk to a running Samvad. Ctrl-C stops an answer; twice, or at the prompt, leaves."""
    from infra.talk import talk as run_talk  # noqa: PLC0415  its libraries are not needed by servers

    raise typer.Exit(run(run_talk(edge, name or SharedSettings().name, resume=resume, model=model)))
