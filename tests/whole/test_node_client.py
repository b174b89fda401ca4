"""A client in another language, written from docs/protocol.md alone (tests/clients/node): it passes the vectors, and
holds a conversation through a cut. Node's own websocket does; nothing is installed.
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

from infra.prove.tcp_proxy import TcpProxy, tcp_proxy
from samvad_client import EdgeRest
from schemas.ids import new_id

ROOT = Path(__file__).parents[2]
CLIENT = ROOT / "tests" / "clients" / "node"
HAS_WEBSOCKET = "process.exit(typeof WebSocket === 'function' ? 0 : 1)"


@pytest.fixture(scope="module")
def node() -> list[str]:
    """The command. Node 22 has a websocket; 20.10 has it behind a flag that 22 takes too."""
    command = [shutil.which("node") or "node", "--no-warnings", "--experimental-websocket"]
    try:
        answer = subprocess.run([*command, "-e", HAS_WEBSOCKET], capture_output=True, check=False, timeout=20)
    except FileNotFoundError:
        pytest.skip("the client in JavaScript needs Node 20.10 or newer, and there is no `node` on the PATH")
    if answer.returncode:
        pytest.skip("the client in JavaScript needs Node 20.10 or newer; this `node` is older")
    return command


def test_a_client_in_javascript_passes_every_vector(node: list[str]) -> None:
    vectors = ROOT / "docs" / "protocol" / "vectors"
    played = subprocess.run(
        [*node, CLIENT / "vectors.mjs", vectors], capture_output=True, text=True, check=False, timeout=30
    )
    assert played.returncode == 0, played.stderr
    cases = sum(len(json.loads(file.read_text())["cases"]) for file in vectors.glob("*.json"))
    assert json.loads(played.stdout) == {"passed": cases, "failed": 0}


@asynccontextmanager
async def talking(node: list[str], **environ: str) -> AsyncIterator[AsyncIterator[dict[str, Any]]]:
    """What the client shows, line by line, while it talks."""
    program = await asyncio.create_subprocess_exec(
        *node, CLIENT / "talk.mjs", env={**os.environ, **environ}, stdout=asyncio.subprocess.PIPE
    )
    assert program.stdout is not None
    try:
        yield (json.loads(line) async for line in program.stdout)
    finally:
        if program.returncode is None:
            program.kill()
        await program.wait()


async def until_shown(lines: AsyncIterator[dict[str, Any]], count: int) -> None:
    async for line in lines:
        if line["shown"] >= count:
            return
    raise AssertionError("it ended before it could be cut")


async def test_a_client_in_javascript_resumes_after_a_cut_with_exactly_the_stored_text(
    node: list[str], edge: str
) -> None:
    target, conversation_id = edge.removeprefix("http://"), new_id()
    async with EdgeRest(edge) as rest, tcp_proxy(target) as one, tcp_proxy(target) as another:
        token = (await rest.sign_in("javascript")).token
        environ = {"TOKEN": token, "CONVERSATION": conversation_id, "QUESTION": "Count.", "MODEL": "slow"}
        async with talking(node, EDGES=f"http://{one.address},http://{another.address}", **environ) as lines:
            await until_shown(lines, 60)
            one.cut()
            end = [line async for line in lines][-1]
        question, answer = (await rest.messages(conversation_id)).messages
    assert (end["status"], end["text"], end["answer_id"]) == ("completed", answer.text, answer.id)
    assert (question.text, end["sessions"], connections(one, another)) == ("Count.", 2, (1, 1))
    assert end["verdicts"]["hole"] == 0, "the missing frames came, or one snapshot"


def connections(*proxies: TcpProxy) -> tuple[int, ...]:
    return tuple(proxy.connections for proxy in proxies)
