"""`samvad practice-provider`: an OpenAI-compatible server with scripted speed and faults, for tests and load."""

import asyncio
from typing import Annotated

import typer

from infra.practice_provider import serve
from infra.signals import run, told_to_stop


def practice_provider(
    port: Annotated[int, typer.Option(help="0 lets the system choose")] = 9000,
    host: Annotated[str, typer.Option(help="loopback by default: it has no sign-in")] = "127.0.0.1",
    until_stdin_closes: Annotated[bool, typer.Option("--until-stdin-closes", hidden=True)] = False,
) -> None:
    """Serve practice models such as `practice-64x20` (64 tokens, 20 ms apart), and faults: `-429`, `-reset8` ..."""
    raise typer.Exit(run(_serve(host, port, until_stdin_closes)))


async def _serve(host: str, port: int, until_stdin_closes: bool) -> int:
    serving = asyncio.create_task(serve(host, port, lambda url: print(f'{{"base_url": "{url}"}}', flush=True)))
    async with told_to_stop(until_stdin_closes) as told:
        waiting = asyncio.create_task(told.stop.wait())
        await asyncio.wait({serving, waiting}, return_when=asyncio.FIRST_COMPLETED)
    if serving.done():
        serving.result()
    serving.cancel()
    await asyncio.gather(serving, return_exceptions=True)
    return 0
