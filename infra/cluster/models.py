"""Which models a cluster answers with, as a file that all of its processes read.

In: SAMVAD_MODELS, or provider keys and addresses in the environment; with none, a practice provider's address. Out: a
models.yaml, and the names of the variables that hold keys. A key itself is never written.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from infra.model_discovery import discover, models_config
from schemas.models_file import ModelsFile, read_models

PRACTICE_ALIASES = {"fast": "practice-64x20", "slow": "practice-400x25"}
BY_NAME = "os.environ/"


@dataclass(frozen=True, slots=True)
class ClusterModels:
    """`source`: where they come from, for the person at the keyboard."""

    file: Path
    title: str
    source: str
    key_variables: frozenset[str]


async def named_models(folder: Path, models: Path | None, environ: Mapping[str, str]) -> ClusterModels | None:
    """What was configured; None if nothing was. Raises OSError, UnusableModels or ModelDiscoveryFailed."""
    if models is not None:
        return _in_file(models)
    from infra.model_discovery.questions import name_models  # noqa: PLC0415  its httpx is no part of an edge

    if offered := await name_models(discover(environ), environ):
        config = models_config(offered)
        return _written(folder, config, "the environment's keys and addresses")
    return None


def practice_models(folder: Path, base_url: str) -> ClusterModels:
    """Scripted answers, for looking at the system when there is no provider."""
    deployments = [
        {
            "model_name": alias,
            "litellm_params": {"model": f"hosted_vllm/{model}", "api_base": base_url, "api_key": "none"},
        }
        for alias, model in PRACTICE_ALIASES.items()
    ]
    titles = {alias: {"title": model} for alias, model in PRACTICE_ALIASES.items()}
    return _written(
        folder,
        {"model_list": deployments, "aliases": titles},
        "no key was set, so the practice provider with scripted text",
    )


def _in_file(file: Path) -> ClusterModels:
    return _described(file, read_models(file.read_bytes()), f"SAMVAD_MODELS={file}")


def _written(folder: Path, config: Mapping[str, object], source: str) -> ClusterModels:
    file = folder / "models.yaml"
    draft = folder / f"models.{os.getpid()}"
    draft.write_text(json.dumps(config, indent=2))
    draft.replace(file)
    return _described(file, read_models(file.read_bytes()), source)


def _described(file: Path, models: ModelsFile, source: str) -> ClusterModels:
    values = (str(value) for entry in models.model_list for value in entry.litellm_params.values())
    keys = frozenset(value.removeprefix(BY_NAME) for value in values if value.startswith(BY_NAME))
    return ClusterModels(file.absolute(), models.title_of(models.default_alias), source, keys)
