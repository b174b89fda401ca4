"""Which models answer: a `models.yaml`, else what the environment offers, else the small one on this machine."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from infra.local_model import local_model
from infra.model_discovery import DiscoveredModel, ModelDiscoveryFailed, discover, local_model_config, models_config
from schemas.models_file import ModelsFile, UnusableModels, read_models

_KNOWS = {
    "edge": "an edge must know its workers' models: name their file",
    "worker": "a worker must know which models answer: name the file, the same for all workers and edges",
}


@dataclass(frozen=True, slots=True)
class ModelsInUse:
    """The models, and whether they are only the small local one."""

    models: ModelsFile
    is_local: bool = False

    @property
    def title(self) -> str:
        """The default model as people read it."""
        return self.models.title_of(self.models.default_alias)


@asynccontextmanager
async def models_in_use(file: Path | None, role: str | None = None) -> AsyncIterator[ModelsInUse]:
    """The models to answer with, for as long as the block runs. An edge offers them and needs no keys.

    `role`: of a process that is one of several. They have to agree, so only who runs alone may have the local model.

    Raises UnusableModels, ModelDiscoveryFailed or LocalModelUnavailable, each with a sentence that says what to do.
    """
    if file is not None:
        yield ModelsInUse(_from_file(file, needs_keys=role != "edge"))
    elif offered := await _named(discover(os.environ)):
        yield ModelsInUse(read_models(models_config(offered)))
    elif role is not None:
        raise UnusableModels(f"{_KNOWS[role]}: SAMVAD_MODELS=models.yaml (samvad chat runs a small model of its own)")
    else:
        async with local_model() as model:
            config = local_model_config(model.base_url, model.model, model.context_tokens)
            yield ModelsInUse(read_models(config), is_local=True)


async def _named(models: list[DiscoveredModel]) -> list[DiscoveredModel]:
    try:
        from infra.model_discovery.questions import name_models  # noqa: PLC0415  its httpx is no part of an edge
    except ModuleNotFoundError as error:
        raise ModelDiscoveryFailed(
            "this installation takes its models only from a file: SAMVAD_MODELS=models.yaml"
        ) from error
    return await name_models(models, os.environ)


def _from_file(file: Path, needs_keys: bool) -> ModelsFile:
    try:
        models = read_models(file.read_bytes())
    except OSError as error:
        raise UnusableModels(f"SAMVAD_MODELS names {file}, which can't be read: {error.strerror}") from error
    except UnusableModels as error:
        raise UnusableModels(f"{file}: {error}") from error
    if needs_keys and (missing := _unset_variables(models)):
        raise UnusableModels(
            f"{file} takes {', '.join(missing)} from the environment: set it, or remove its deployment"
        )
    return models


def _unset_variables(models: ModelsFile) -> list[str]:
    """The variables that the file refers to in LiteLLM's way, `os.environ/NAME`, and that are not there."""
    values = (str(value) for entry in models.model_list for value in entry.litellm_params.values())
    names = (value.removeprefix("os.environ/") for value in values if value.startswith("os.environ/"))
    return sorted({name for name in names if name not in os.environ})
