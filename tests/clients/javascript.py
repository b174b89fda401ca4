"""The client in JavaScript (tests/clients/node) as a process. Node's own websocket does; nothing is installed.

In: edges, a token, a question. Out: what the client shows, line by line, to its end.
"""

import asyncio
import json
import os
import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).parent / "node"
VECTORS = Path(__file__).parents[2] / "docs" / "protocol" / "vectors"
HAS_WEBSOCKET = "process.exit(typeof WebSocket === 'function' ? 0 : 1)"


def node() -> list[str]:
    """The command; without it the test is skipped. Node 22 has a websocket, 20.10 behind a flag that 22 takes too."""
    command = [shutil.which("node") or "node", "--no-warnings", "--experimental-websocket"]
    try:
        answer = subprocess.run([*command, "-e", HAS_WEBSOCKET], capture_output=True, check=False, timeout=20)
    except FileNotFoundError:
        pytest.skip("the client in JavaScript needs Node 20.10 or newer, and there is no `node` on the PATH")
    if answer.returncode:
        pytest.skip("the client in JavaScript needs Node 20.10 or newer; this `node` is older")
    return command


def play_vectors() -> "subprocess.CompletedProcess[str]":
    """All of the protocol's test vectors."""
    command = [*node(), FOLDER / "vectors.mjs", VECTORS]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)


@asynccontextmanager
async def talking(edges: list[str], token: str, **asked: str) -> AsyncIterator[AsyncIterator[dict[str, Any]]]:
    """`asked`: conversation, question, model. After every frame what is shown; the last line has the end."""
    environ = {"EDGES": ",".join(edges), "TOKEN": token} | {name.upper(): value for name, value in asked.items()}
    program = await asyncio.create_subprocess_exec(
        *node(), FOLDER / "talk.mjs", env={**os.environ, **environ}, stdout=asyncio.subprocess.PIPE
    )
    assert program.stdout is not None
    try:
        yield (json.loads(line) async for line in program.stdout)
    finally:
        if program.returncode is None:
            program.kill()
        await program.wait()


async def until_shown(lines: AsyncIterator[dict[str, Any]], count: int) -> None:
    """So many characters of the answer."""
    async for line in lines:
        if line["shown"] >= count:
            return
    raise AssertionError("it ended before it could be cut")
