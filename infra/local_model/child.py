"""The parent's side of the local model: start the child, hear where it answers, end it.

In: nothing. Out: a `LocalModel` while the context is open.
"""

import asyncio
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec

from infra.local_model.announcement import Announcement
from infra.local_model.server import CONTEXT_TOKENS

_START_SECONDS = 120.0
_END_SECONDS = 2.0
_IMPORT_ROOT = Path(__file__).parents[2]


class LocalModelUnavailable(RuntimeError):
    """The local model cannot answer on this machine; the text is one sentence for the user."""


@dataclass(frozen=True)
class LocalModel:
    """Where the local model answers: `base_url` ends in /v1; `context_tokens` hold question and answer together."""

    base_url: str
    model: str
    context_tokens: int


@asynccontextmanager
async def local_model(start_seconds: float = _START_SECONDS) -> AsyncIterator[LocalModel]:
    """Runs the model while the context is open. Raises LocalModelUnavailable."""
    process = await _start()
    try:
        announcement = await _first_word(process, start_seconds)
        yield LocalModel(announcement.base_url, announcement.model, CONTEXT_TOKENS)
    finally:
        await _end(process)


async def _start() -> Process:
    # Its own session: a Ctrl-C in the terminal must reach us, who then end it after the last answer.
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "infra.local_model", stdin=PIPE, stdout=PIPE, start_new_session=True, cwd=_IMPORT_ROOT
    )


async def _first_word(process: Process, start_seconds: float) -> Announcement:
    assert process.stdout is not None
    try:
        async with asyncio.timeout(start_seconds):
            announcement = Announcement.from_line(await process.stdout.readline())
    except TimeoutError as error:
        raise LocalModelUnavailable(
            f"The local model did not come up in {start_seconds:g} s: is this machine busy? SAMVAD_DEBUG=1 shows more."
        ) from error
    except msgspec.DecodeError as error:
        raise LocalModelUnavailable(
            "The local model's process ended at its start; SAMVAD_DEBUG=1 shows its log."
        ) from error
    if announcement.error:
        raise LocalModelUnavailable(announcement.error)
    return announcement


async def _end(process: Process) -> None:
    """Closing its stdin ends it; what does not end is killed, by pid."""
    assert process.stdin is not None
    process.stdin.close()
    try:
        async with asyncio.timeout(_END_SECONDS):
            await process.wait()
    except TimeoutError:
        pass
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
