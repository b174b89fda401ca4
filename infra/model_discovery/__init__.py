"""Which models answer, decided from the environment: provider keys, or the address of a server of one's own.

    models = await questions.name_models(discover(os.environ), os.environ)
    config = models_config(models) if models else local_model_config(...)

`discovery.py` decides (pure), `questions.py` asks servers for the names of their models, `config.py` turns the result
into what a `models.yaml` holds (schemas/models_file.py). An edge's installation lacks the httpx that `questions.py`
needs: import it where it is used.
"""

from infra.model_discovery.config import local_model_config, models_config
from infra.model_discovery.discovered import DiscoveredModel, ModelDiscoveryFailed
from infra.model_discovery.discovery import discover

__all__ = [
    "DiscoveredModel",
    "ModelDiscoveryFailed",
    "discover",
    "local_model_config",
    "models_config",
]
