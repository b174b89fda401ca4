"""`samvad chat`: everything on this machine in one command.

With a terminal: the embedded server as a child process, and a conversation in front of it. Without one: the server
itself, in the foreground, which prints one JSON line when it is ready.
"""

import errno
import json
import os
import sys
from contextlib import AsyncExitStack
from typing import Annotated

import typer
from rich.console import Console

from infra.cli.refusals import KNOWN, clear_refusals, in_use, refuse
from infra.model_discovery import discover
from infra.server_process import RunningServer, ServerDidNotStart, server_process
from infra.settings import SharedSettings
from infra.signals import run

HOW_TO_USE_A_REAL_ONE = (
    "For a real one, set a key and start again: OPENAI_API_KEY, ANTHROPIC_API_KEY, GEMINI_API_KEY, ...\n"
    "or an address: OPENAI_BASE_URL, OLLAMA_HOST; or name a models.yaml: SAMVAD_MODELS."
)


def chat(
    resume: Annotated[bool, typer.Option("--resume", help="go on with the newest conversation")] = False,
    model: Annotated[str | None, typer.Option(help="model alias; /model lists them")] = None,
    until_stdin_closes: Annotated[bool, typer.Option("--until-stdin-closes", hidden=True)] = False,
) -> None:
    """Start everything on this machine and talk to it. Without a terminal: serve, and print a JSON line when ready."""
    with clear_refusals():
        if until_stdin_closes or not sys.stdin.isatty():
            raise typer.Exit(_serve(until_stdin_closes))
        raise typer.Exit(_talk(resume, model))


def _serve(until_stdin_closes: bool) -> int:
    from infra.embedded import serve_embedded  # noqa: PLC0415  the terminal does without the server's libraries

    try:
        return run(serve_embedded(SharedSettings(), _announce, until_stdin_closes))
    except (*KNOWN, OSError) as error:
        if until_stdin_closes:
            sentence = in_use() if isinstance(error, OSError) and error.errno == errno.EADDRINUSE else str(error)
            print(json.dumps({"error": sentence}), flush=True)
        raise


def _announce(edge: str, model: str) -> None:
    print(json.dumps({"edge": edge, "model": model}), flush=True)


def _talk(resume: bool, model: str | None) -> int:
    try:
        return run(_talk_to_a_child(resume, model))
    except ServerDidNotStart as error:
        refuse(str(error))
        return 1
    except KeyboardInterrupt:
        return 130


async def _talk_to_a_child(resume: bool, model: str | None) -> int:
    from infra.talk import ByName, talk  # noqa: PLC0415  loaded while the server starts

    settings, console = SharedSettings(), Console()
    async with AsyncExitStack() as stack:
        with console.status("starting: broker, history, worker, edge, model ..."):
            server = await stack.enter_async_context(server_process(settings.data / "samvad.log"))
        _greet(console, settings, server)
        return await talk(server.edge, ByName(settings.name), resume=resume, model=model)


def _greet(console: Console, settings: SharedSettings, server: RunningServer) -> None:
    console.print(f"{server.model} answers. The edge is at {server.edge}", highlight=False)
    if settings.models is None and not discover(os.environ):
        console.print(HOW_TO_USE_A_REAL_ONE, style="dim", highlight=False)
