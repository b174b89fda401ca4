"""The embedded server as a child of the terminal: started, waited for, and ended with its parent whatever happens.

The child holds the read end of a pipe as its standard input, so it notices even a `kill -9` of the parent.
"""

import asyncio
import json
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

COMMAND = (sys.executable, "-m", "infra.cli.main", "chat", "--until-stdin-closes")
END_SECONDS = 4.0


class ServerDidNotStart(RuntimeError):
    """The child ended before it was ready; the text says why."""


@dataclass(frozen=True, slots=True)
class RunningServer:
    """Where the server answers, and with which model."""

    edge: str
    model: str


@asynccontextmanager
async def server_process(log_file: Path) -> AsyncIterator[RunningServer]:
    """A ready server for as long as the block runs; its log goes to `log_file`. Raises ServerDidNotStart."""
    process = await _start(log_file)
    try:
        yield await _until_ready(process, log_file)
    finally:
        await end_process(process, END_SECONDS)


async def _start(log_file: Path) -> Process:
    log_file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    log = os.open(log_file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        return await asyncio.create_subprocess_exec(
            *COMMAND,
            stdin=PIPE,
            stdout=PIPE,
            stderr=log,
            start_new_session=True,  # Ctrl-C in the terminal is for the conversation, not for the server
        )
    finally:
        os.close(log)


async def _until_ready(process: Process, log_file: Path) -> RunningServer:
    assert process.stdout is not None
    line = await process.stdout.readline()
    try:
        said = json.loads(line)
    except json.JSONDecodeError as error:
        raise ServerDidNotStart(f"the server did not start; its log is {log_file}") from error
    if "error" in said:
        raise ServerDidNotStart(said["error"])
    return RunningServer(said["edge"], said["model"])


async def end_process(process: Process, seconds: float) -> None:
    """SIGTERM, and `kill -9` for what has not ended within `seconds`."""
    if process.returncode is not None:
        return
    process.terminate()
    try:
        async with asyncio.timeout(seconds):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
