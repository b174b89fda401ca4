"""The commands of docs/rest-and-sse.md, one after the other, as they stand there."""

import asyncio
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.whole.processes import program_environ

pytestmark = [
    pytest.mark.timeout(180),
    pytest.mark.skipif(shutil.which("curl") is None, reason="the commands are curl's"),
]

DOCUMENT = Path(__file__).parents[2] / "docs" / "rest-and-sse.md"


def _commands() -> str:
    """Every block but the one that shows an event."""
    blocks = re.findall(r"```\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)
    return "".join(block for block in blocks if not block.startswith("id: "))


async def test_with_curl_alone_one_asks_reads_comes_back_and_stops(edge: str, tmp_path: Path) -> None:
    done = await asyncio.to_thread(
        subprocess.run,
        ["bash", "-euo", "pipefail", "-c", _commands()],
        cwd=tmp_path,
        env={**program_environ(), "EDGE": edge},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    accepted, *lines = done.stdout.splitlines()
    assert set(json.loads(accepted)) == {"turn_id", "request_id"}
    events = [line.removeprefix("event: ") for line in lines if line.startswith("event: ")]
    assert events[0] in ("asked", "started", "snapshot")
    assert len([event for event in events if event in ("completed", "stopped", "snapshot")]) >= 3
    assert [line for line in lines if line in ("202", "204")] == ["204", "202"]
    snapshot = next(json.loads(line) for line in lines if line.startswith('{"type":"snapshot"'))
    assert snapshot["status"] == "completed"
    messages = json.loads(lines[-1])["messages"]
    assert [message["text"] for message in messages if message["role"] == "user"] == ["What is a tree?", "And a wood?"]
