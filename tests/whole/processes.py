"""The server and the practice provider as the processes that a user would start."""

import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

START_SECONDS = 100
"""Importing LiteLLM takes 5 s of a CPU, of which there may be little."""


@dataclass
class Program:
    """A started `samvad` command; `said` is its first line of output."""

    process: subprocess.Popen[bytes]
    said: dict[str, str]

    def kill(self) -> None:
        """`kill -9`, and nothing else."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(10)

    def end(self, seconds: float = 10) -> int:
        """SIGTERM; the exit code."""
        if self.process.poll() is None:
            self.process.terminate()
        return self.process.wait(seconds)


@contextmanager
def program(
    *arguments: str,
    environ: dict[str, str],
    log: Path,
    python: Path = Path(sys.executable),
    start_seconds: float = START_SECONDS,
    end_seconds: float = 10,
) -> Iterator[Program]:
    """Runs `samvad ARGUMENTS` until the block ends; it has said its first line when the block begins."""
    process = _started([str(python), "-m", "infra.cli.main", *arguments], environ, log)
    assert process.stdout is not None
    try:
        yield Program(process, json.loads(_first_line(process.stdout, log, start_seconds)))
    finally:
        _end(process, end_seconds)
        process.stdout.close()


def _started(command: list[str], environ: dict[str, str], log: Path) -> "subprocess.Popen[bytes]":
    with log.open("ab") as errors:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            env={**program_environ(), **environ},
            start_new_session=True,
        )


def _end(process: "subprocess.Popen[bytes]", seconds: float) -> None:
    """SIGTERM, and `kill -9` after so many seconds."""
    if process.poll() is None:
        process.terminate()
    with suppress(subprocess.TimeoutExpired):
        process.wait(seconds)
    if process.poll() is None:
        process.kill()
        process.wait(10)


def _first_line(output: IO[bytes], log: Path, seconds: float) -> bytes:
    with selectors.DefaultSelector() as selector:
        selector.register(output, selectors.EVENT_READ)
        line = output.readline() if selector.select(seconds) else b""
    assert line, f"it did not start: {log.read_text()[-2000:]}"
    return line


def program_environ() -> dict[str, str]:
    """This process's environment without what would choose a model or a place."""
    ours = ("SAMVAD_", "OPENAI_", "ANTHROPIC_", "GEMINI_", "GROQ_", "MISTRAL_", "OPENROUTER_", "OLLAMA_", "OTEL_")
    return {name: value for name, value in os.environ.items() if not name.startswith(ours)}


@contextmanager
def practice_provider(folder: Path) -> Iterator[str]:
    """A practice provider process; its base URL, which ends in `/v1`."""
    with program("practice-provider", "--port", "0", environ={}, log=folder / "provider.log") as provider:
        yield provider.said["base_url"]


@contextmanager
def server(folder: Path, models: Path, **environ: str) -> Iterator[Program]:
    """An embedded server on `folder`, answering with `models`; `said` has its `edge` address and `model`."""
    settings = {"SAMVAD_DATA": str(folder / "data"), "SAMVAD_MODELS": str(models), "SAMVAD_PORT": "0", **environ}
    with program("chat", environ=settings, log=folder / "server.log") as running:
        yield running


def models_file(folder: Path, base_url: str, **aliases: list[str]) -> Path:
    """A models.yaml (JSON is YAML): each alias is served by these practice models."""
    deployments = [
        {
            "model_name": alias.replace("_", "-"),
            "litellm_params": {"model": f"hosted_vllm/{model}", "api_base": base_url, "api_key": "none"},
            "model_info": {"supports_assistant_prefill": True},
        }
        for alias, models in aliases.items()
        for model in models
    ]
    path = folder / "models.yaml"
    path.write_text(json.dumps({"model_list": deployments}))
    return path


def free_port() -> int:
    """A port that nobody listens on at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def is_gone(pid: int, seconds: float = 5) -> bool:
    """True once no process has this id."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.05)
    return False
