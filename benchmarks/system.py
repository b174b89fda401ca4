"""What is measured, as five processes: provider, broker, edge and worker; the fifth is the benchmark, the users.

In: an empty folder. Out: addresses, the programs whose CPU counts, and the file that edge and worker trace into.
"""

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.processes import SAMVAD, Program, program

SHORT = "practice-16x20"
LONG = "practice-64x20"
ENDLESS = "practice-1x20-endless"


@dataclass(frozen=True, slots=True)
class System:
    """Everything runs. `provider_url` ends in `/v1`; `programs` are the ones of Samvad, by role."""

    provider_url: str
    edge_url: str
    programs: dict[str, Program]
    trace_file: Path


@asynccontextmanager
async def practice_provider(folder: Path) -> AsyncIterator[str]:
    """The provider's base URL, which ends in `/v1`."""
    arguments = ("practice-provider", "--port", "0")
    async with program(SAMVAD, *arguments, log=folder / "provider.log", environ={}) as provider:
        yield provider.said["base_url"]


@asynccontextmanager
async def system(folder: Path, provider_url: str) -> AsyncIterator[System]:
    """A ready system of one edge and one worker."""
    trace_file = folder / "spans.jsonl"
    async with AsyncExitStack() as stack:

        async def start(role: str, *command: str) -> Program:
            return await stack.enter_async_context(program(*command, log=folder / f"{role}.log", environ=environ))

        environ = settings(folder, provider_url)
        broker = await start("broker", "benchmarks.broker")
        environ |= {"SAMVAD_KAFKA": broker.said["kafka"], "SAMVAD_TRACE_FILE": str(trace_file)}
        worker = await start("worker", SAMVAD, "worker", "--embedded-broker")
        edge = await start("edge", SAMVAD, "edge", "--embedded-broker")
        programs = {"broker": broker, "edge": edge, "worker": worker}
        yield System(provider_url, edge.said["edge"], programs, trace_file)


def settings(folder: Path, provider_url: str) -> dict[str, str]:
    """The environment that every role shares; the aliases are the practice models' own names."""
    deployments = [
        {
            "model_name": name,
            "litellm_params": {"model": f"hosted_vllm/{name}", "api_base": provider_url, "api_key": "none"},
        }
        for name in (LONG, SHORT, ENDLESS)
    ]
    models = folder / "models.yaml"
    models.write_text(json.dumps({"model_list": deployments}))  # JSON is YAML
    return {"SAMVAD_DATA": str(folder / "data"), "SAMVAD_MODELS": str(models), "SAMVAD_PORT": "0"}
