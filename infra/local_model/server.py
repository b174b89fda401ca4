"""llama.cpp's OpenAI-compatible server, inside the child process. Opens a port on 127.0.0.1 and loads the weights.

A request longer than CONTEXT_TOKENS is refused with 400 `exceed_context_size_error`; more requests than slots wait.
"""

import os
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

MODEL = "SmolLM2-135M-Instruct"

_SLOTS = 4
CONTEXT_TOKENS = 2048
"""Question and answer together, of one request. Four slots of it cost 190 MB; reading it whole takes 5 s on 2 cores."""
_MOST_THREADS = 4
# Its threads wait for each other after every layer, spinning: with one per core, a busy neighbour (our own edge) takes
# generating from 110 tokens/s to 5, with one core left free to 50 (2 cores). Reading the question suffers far less.
_CORES = os.cpu_count() or 1
_GENERATING_THREADS = min(_MOST_THREADS, max(1, _CORES - 1))
_READING_THREADS = min(_MOST_THREADS, _CORES)


class EngineUnusable(RuntimeError):
    """llama.cpp is not installed, or does not load these weights; the text says what to do."""


class Server:
    """A loaded model that answers while this object lives."""

    def __init__(self, weights: Path) -> None:
        """Blocks until requests are answered, about 1 s. Raises EngineUnusable."""
        xllamacpp = _engine()
        try:
            self._server = xllamacpp.Server(_parameters(xllamacpp.CommonParams(), weights))
        except RuntimeError as error:
            raise EngineUnusable(f"llama.cpp did not load {weights.name}; SAMVAD_DEBUG=1 shows its log.") from error

    @property
    def base_url(self) -> str:
        return f"{self._server.listening_address}/v1"


def _engine() -> ModuleType:
    # Imported late: a missing wheel must become an announcement, not a traceback, and the parent reads this file too.
    try:
        return import_module("xllamacpp")
    except ImportError as error:
        raise EngineUnusable(f"The local model needs xllamacpp ({error}); install samvad[local].") from error


def _parameters(params: Any, weights: Path) -> Any:
    params.model.path = str(weights)
    params.model_alias = {MODEL}
    params.n_ctx = _SLOTS * CONTEXT_TOKENS
    params.n_parallel = _SLOTS
    params.cpuparams.n_threads = _GENERATING_THREADS
    params.cpuparams_batch.n_threads = _READING_THREADS
    # Its own prompt cache beside the slots would take up to 8 GiB.
    params.cache_ram_mib = 0
    # Nothing but our worker has business here: no web page of its own, none of anybody else's.
    params.ui = False
    params.cors_origins = ""
    return params
