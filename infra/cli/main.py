"""`samvad`: the commands."""

import typer

from infra.cli import chat, practice_provider, roles, show_settings, talk

app = typer.Typer(
    name="samvad",
    help="LLM chat whose answers are never lost, doubled or out of order.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)

app.command("chat")(chat.chat)
app.command("talk")(talk.talk)
app.command("edge")(roles.edge)
app.command("worker")(roles.worker)
app.command("practice-provider")(practice_provider.practice_provider)
app.command("settings")(show_settings.settings)

if __name__ == "__main__":
    app()
