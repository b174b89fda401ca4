"""A system to measure: Samvad's roles as processes of their own, and the practice provider that answers them.

In: a temporary folder, the settings that every role shares. Out: a `System` while the block runs; nothing of it stays.
"""

import json
from collections import defaultdict
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.cpu import Pids
from benchmarks.processes import SAMVAD, Program, program

ENDLESS = "practice-1x20-endless"


@dataclass(frozen=True, slots=True)
class System:
    """Everything runs. `pids` are all processes whose CPU is counted, by role."""

    edge_urls: list[str]
    pids: Pids
    trace_files: list[Path]


class Roles:
    """Starts processes of Samvad, each with a log and a file of spans of its own; they end with `stack`."""

    def __init__(self, stack: AsyncExitStack, folder: Path, environ: Mapping[str, str]) -> None:
        self._stack = stack
        self._folder = folder
        self._environ = environ
        self.pids: defaultdict[str, list[int]] = defaultdict(list)
        self.trace_files: list[Path] = []

    async def start(self, role: str, *command: str) -> Program:
        """Runs `python -m COMMAND` until it says its line. Raises DidNotStart."""
        name = f"{role}-{len(self.pids[role]) + 1}"
        trace_file = self._folder / f"{name}.spans.jsonl"
        environ = {**self._environ, "SAMVAD_TRACE_FILE": str(trace_file)}
        started = await self._stack.enter_async_context(
            program(*command, log=self._folder / f"{name}.log", environ=environ)
        )
        self.pids[role].append(started.pid)
        self.trace_files.append(trace_file)
        return started


@asynccontextmanager
async def practice_provider(folder: Path) -> AsyncIterator[Program]:
    """A running provider; the `base_url` that it says ends in `/v1`."""
    arguments = ("practice-provider", "--port", "0")
    async with program(SAMVAD, *arguments, log=folder / "provider.log", environ={}) as provider:
        yield provider


def settings(folder: Path, provider_url: str, models: Collection[str]) -> dict[str, str]:
    """The environment that every role shares; the aliases are the practice models' own names."""
    deployments = [
        {
            "model_name": name,
            "litellm_params": {"model": f"hosted_vllm/{name}", "api_base": provider_url, "api_key": "none"},
        }
        for name in models
    ]
    file = folder / "models.yaml"
    file.write_text(json.dumps({"model_list": deployments}))  # JSON is YAML
    places = {"SAMVAD_DATA": str(folder / "data"), "SAMVAD_MODELS": str(file), "SAMVAD_PORT": "0"}
    return places | {"SAMVAD_TURNS_PER_MINUTE": "0"}  # a benchmark's people ask faster than people do
