"""Models files whose deployments are practice models, and the warning that LiteLLM's first call gives.

In: a practice provider and names such as `practice-8x0-429`. Out: entries for `read_models`.
"""

from typing import Any

import pytest

from infra.practice_provider import PracticeProvider
from schemas.models_file import ModelsFile, read_models

SECRET = "sk-SECRET"
LITELLM_WARNS = pytest.mark.filterwarnings(
    "ignore:Item 'summary' on TypedDict class:UserWarning", "ignore:Accessing the 'model_:DeprecationWarning"
)
"""For every test that calls LiteLLM: pydantic complains of its types and of how it reads them."""


def entry(provider: PracticeProvider, alias: str, model: str, **params: Any) -> dict[str, Any]:
    """One deployment of an alias. The practice provider goes on from text that it is given."""
    return {
        "model_name": alias,
        "model_info": {"supports_assistant_prefill": True},
        "litellm_params": {"model": f"hosted_vllm/{model}", "api_base": provider.base_url, "api_key": SECRET} | params,
    }


def models_with_fallback(
    provider: PracticeProvider, *models: str, fallback: str | None = None, on_fault: str = "continue"
) -> ModelsFile:
    """Alias `a` is served by `models`; alias `b` by `fallback`, and is asked after `a`. All go on from kept text."""
    model_list = [entry(provider, "a", model) for model in models]
    if fallback is None:
        return read_models({"model_list": model_list})
    model_list.append(entry(provider, "b", fallback))
    aliases = {"a": {"on_fault": on_fault}}
    chain = {"fallbacks": [{"a": ["b"]}]}
    return read_models({"model_list": model_list, "router_settings": chain, "aliases": aliases})
