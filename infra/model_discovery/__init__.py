"""Which models answer, decided from the environment: provider keys, or the address of a server of one's own.

    models = await name_models(discover(os.environ), os.environ)
    config = models_config(models) if models else local_model_config(...)

`discovery.py` decides (pure), `questions.py` asks servers for the names of their models, `config.py` turns the result
into what a `models.yaml` holds (schemas/models_file.py).
"""

from infra.model_discovery.config import local_model_config, models_config
from infra.model_discovery.discovered import DiscoveredModel, ModelDiscoveryFailed
from infra.model_discovery.discovery import discover
from infra.model_discovery.questions import name_models

__all__ = [
    "DiscoveredModel",
    "ModelDiscoveryFailed",
    "discover",
    "local_model_config",
    "models_config",
    "name_models",
]
