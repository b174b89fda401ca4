"""The door to the models while LiteLLM is still being imported, which takes seconds of CPU.

The import runs in a thread beside everything else that a start does; nothing is answered before `open`.
"""

import asyncio
import gc
from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from consumers.llm.deadlines import Deadlines
from consumers.llm.gates import Standing
from consumers.llm.pieces import Told
from consumers.llm.questions import Question
from consumers.settings import WorkerSettings
from consumers.worker import ModelDoor
from observability.worker_metrics import WorkerMetrics
from schemas.models_file import ModelsFile, OnFault, UnusableModels

if TYPE_CHECKING:
    from consumers.llm.door import LlmDoor


class LateDoor:
    """Stands in for the door; using it before `open` is a bug of the composition root."""

    def __init__(self) -> None:
        self._door: ModelDoor | None = None

    def open(self, door: ModelDoor) -> None:
        self._door = door

    def answer(self, question: Question) -> AsyncGenerator[Told, None]:
        return self._opened.answer(question)

    def standing(self, alias: str) -> Standing:
        return self._opened.standing(alias)

    def system_prompt_of(self, alias: str) -> str | None:
        return self._opened.system_prompt_of(alias)

    def budget_tokens(self, alias: str) -> int:
        return self._opened.budget_tokens(alias)

    def on_takeover(self, alias: str) -> OnFault:
        return self._opened.on_takeover(alias)

    @property
    def _opened(self) -> ModelDoor:
        if self._door is None:
            raise RuntimeError("a model was asked before the door was opened")
        return self._door


async def open_door(models: ModelsFile, settings: WorkerSettings, metrics: WorkerMetrics | None = None) -> ModelDoor:
    """The door itself, warmed up. K8: the event loop stays free while LiteLLM is imported."""
    deadlines = Deadlines(settings.first_token_seconds, settings.gap_seconds, settings.turn_seconds)
    await import_litellm()
    with what_is_loaded_stays():
        door = await asyncio.to_thread(_new_door, models, deadlines, metrics)
        await door.warm_up()
    return door


async def import_litellm() -> None:
    """Imports LiteLLM in a thread."""
    with what_is_loaded_stays():
        await asyncio.to_thread(__import__, "consumers.llm.door")


@contextmanager
def what_is_loaded_stays() -> Iterator[None]:
    """No collector in the block, nor ever of what was made in it: while LiteLLM was loaded, looking for garbage took a
    seventh of the CPU, and later a full collection walked its objects for 0.4 s, and every answer stood still.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def _new_door(models: ModelsFile, deadlines: Deadlines, metrics: WorkerMetrics | None) -> "LlmDoor":
    from consumers.llm.door import LlmDoor  # noqa: PLC0415  only now it is cheap

    try:
        return LlmDoor(models, deadlines, metrics)
    except Exception as error:  # foreign code reads a person's file: what it says may quote secrets, so only its kind
        reason = f"LiteLLM does not take these models or router_settings ({type(error).__name__})"
        raise UnusableModels(f"{reason}: check providers, parameters and their spelling") from error
