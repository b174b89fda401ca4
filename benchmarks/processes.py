"""Programs as processes of their own, each ended by its id when its block is left, however that happens.

In: a module and its arguments. Out: a `Program`: its first line of output as JSON, and its id.
"""

import asyncio
import json
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from infra.server_process import end_process

SAMVAD = "infra.cli.main"
START_SECONDS = 180.0
"""A machine on which others work too may take so long to import LiteLLM."""
END_SECONDS = 10.0
_CHOOSERS = ("SAMVAD_", "OPENAI_", "ANTHROPIC_", "GEMINI_", "GROQ_", "MISTRAL_", "OPENROUTER_", "OLLAMA_", "OTEL_")


class DidNotStart(RuntimeError):
    """A program ended, or said nothing, before it was ready; the text has the end of its log."""


@dataclass(frozen=True, slots=True)
class Program:
    """A running program; `said` is its first line of output."""

    said: dict[str, str]
    pid: int


@asynccontextmanager
async def program(module: str, *arguments: str, log: Path, environ: dict[str, str]) -> AsyncIterator[Program]:
    """Runs `python -m MODULE ARGUMENTS` while the block runs. Raises DidNotStart."""
    process = await _start((module, *arguments), log, environ)
    try:
        yield Program(await _first_line(process, log), process.pid)
    finally:
        await end_process(process, END_SECONDS)


async def _start(command: tuple[str, ...], log: Path, environ: dict[str, str]) -> Process:
    with log.open("ab") as errors:
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            *command,
            stdin=DEVNULL,
            stdout=PIPE,
            stderr=errors,
            env={**clean_environ(), **environ},
            start_new_session=True,  # Ctrl-C is for the benchmark, which then ends its programs itself
        )


async def _first_line(process: Process, log: Path) -> dict[str, str]:
    assert process.stdout is not None
    try:
        async with asyncio.timeout(START_SECONDS):
            said: dict[str, str] = json.loads(await process.stdout.readline())
    except (TimeoutError, json.JSONDecodeError) as error:
        raise DidNotStart(
            f"{log.stem} was not ready within {START_SECONDS:.0f} s. Its log ends: {_tail(log)}"
        ) from error
    return said


def _tail(log: Path) -> str:
    return log.read_text(errors="replace")[-2000:]


def clean_environ() -> dict[str, str]:
    """This process's environment without what would choose a model or a place."""
    return {name: value for name, value in os.environ.items() if not name.startswith(_CHOOSERS)}
