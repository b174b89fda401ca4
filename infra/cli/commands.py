"""The commands by name, each loaded only when it is asked for: an installation holds the libraries of its role alone.

In: a command's name. Out: the command; or, where its libraries are
missing, a sentence that says what to install.
"""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperGroup
from typer.main import get_command

OURS = frozenset(("schemas", "observability", "producers", "store", "consumers", "ws_edge", "infra", "samvad_client"))

Target = Callable[..., None] | typer.Typer


@dataclass(frozen=True, slots=True)
class Place:
    """Where a command is, as `module:name`, and the extra of pyproject.toml that brings what it needs."""

    address: str
    extra: str


COMMANDS = {
    "chat": Place("infra.cli.chat:chat", "local"),
    "talk": Place("infra.cli.talk:talk", "talk"),
    "edge": Place("infra.cli.edge:edge", "edge"),
    "worker": Place("infra.cli.worker:worker", "worker"),
    "topics": Place("infra.cli.topics:topics", "worker"),
    "migrate": Place("infra.cli.migrate:migrate", "edge"),
    "users": Place("infra.cli.users:app", "edge"),
    "keys": Place("infra.cli.keys:app", "edge"),
    "dead-letters": Place("infra.cli.dead_letters:app", "worker"),
    "practice-provider": Place("infra.cli.practice_provider:practice_provider", "worker"),
    "cluster": Place("infra.cli.cluster:cluster", "local"),
    "stack": Place("infra.cli.stack:app", "stack"),
    "prove": Place("infra.cli.prove:Prove", "local"),
    "trace": Place("infra.cli.trace:trace", "edge"),
    "protocol": Place("infra.cli.protocol:protocol", "edge"),
    "settings": Place("infra.cli.show_settings:settings", "edge"),
}


class Commands(TyperGroup):
    """`samvad`'s commands: a function is a command, a Typer a group of them."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        place = COMMANDS.get(cmd_name)
        return None if place is None else _loaded(cmd_name, place)

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except ModuleNotFoundError as error:
            if _is_ours(error):
                raise
            _refuse(ctx.invoked_subcommand, error)


def _loaded(name: str, place: Place) -> Any:
    module, _, attribute = place.address.partition(":")
    try:
        target: Target = getattr(import_module(module), attribute)
    except ModuleNotFoundError as error:
        if _is_ours(error):
            raise
        return _absent(name, error)
    return _command(name, target)


def _absent(name: str, error: ModuleNotFoundError) -> Any:
    """Stands in the list of commands, and says what is missing when it is called, with whatever options."""

    def absent() -> None:
        raise error

    absent.__doc__ = f"Not in this installation: needs {error.name}."
    return _command(name, absent, allow_extra_args=True, ignore_unknown_options=True)


def _command(name: str, target: Target, **context_settings: bool) -> Any:
    if isinstance(target, typer.Typer):
        app = target
    else:
        app = typer.Typer(add_completion=False)
        app.command(name, context_settings=context_settings)(target)
    command = get_command(app)
    command.name = name
    return command


def _is_ours(error: ModuleNotFoundError) -> bool:
    """A module of ours that is missing is a bug, not an installation."""
    return (error.name or "").partition(".")[0] in OURS


def _refuse(name: str, error: ModuleNotFoundError) -> None:
    wanted = f"pip install 'samvad[{COMMANDS[name].extra}]'"
    typer.secho(
        f"samvad: `samvad {name}` needs {error.name}, which is not installed here: {wanted}", err=True, fg="red"
    )
    raise typer.Exit(1) from error
