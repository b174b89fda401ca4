"""`samvad`: the commands (commands.py names them)."""

import typer

from infra.cli.commands import Commands

app = typer.Typer(
    name="samvad",
    cls=Commands,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)


@app.callback()
def samvad() -> None:
    """LLM chat whose answers are never lost, doubled or out of order."""


if __name__ == "__main__":
    app()
