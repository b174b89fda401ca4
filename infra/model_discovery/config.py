"""Discovered models in the shape of a `models.yaml`: LiteLLM's `model_list` and `router_settings`, and our `aliases`.

Pure. Keys are never in it: they are named, as LiteLLM's `os.environ/NAME`.
"""

from collections.abc import Sequence
from typing import Any

from infra.model_discovery.discovered import DiscoveredModel, ModelSource, Size

_SYSTEM_PROMPT = (
    "You are a helpful assistant. Answer in the language of the question, use Markdown where it helps,"
    " and say so when you do not know."
)
# A tiny model follows one short sentence, and repeats the rest.
_LOCAL_SYSTEM_PROMPT = "You are a helpful assistant. Answer briefly."


def models_config(models: Sequence[DiscoveredModel]) -> dict[str, Any]:
    """The configuration of at least one model; all have names (questions.py)."""
    return {
        "model_list": [_deployment(model) for model in models],
        "router_settings": _router_settings(models),
        "aliases": {
            model.alias: {"title": f"{model.name} ({model.source.title})", "system_prompt": _SYSTEM_PROMPT}
            for model in models
        },
    }


def local_model_config(base_url: str, model: str, context_tokens: int) -> dict[str, Any]:
    """The configuration of the local model (infra/local_model). Only `fast`: nothing about it is smart."""
    params = {
        "model": f"hosted_vllm/{model}",
        "api_base": base_url,
        "api_key": "none",
        # Its server closes the connection after each streamed answer without saying so: a client that keeps it for
        # the next question meets "Server disconnected".
        "extra_headers": {"Connection": "close"},
    }
    entry = {
        "model_name": Size.FAST.value,
        "litellm_params": params,
        "model_info": {"max_input_tokens": context_tokens, "supports_assistant_prefill": True},
    }
    alias = {"title": f"{model} (tiny, on this machine)", "system_prompt": _LOCAL_SYSTEM_PROMPT}
    return {"model_list": [entry], "router_settings": {}, "aliases": {Size.FAST.value: alias}}


def _deployment(model: DiscoveredModel) -> dict[str, Any]:
    entry: dict[str, Any] = {"model_name": model.alias, "litellm_params": _litellm_params(model.source, model.name)}
    if model.max_input_tokens is not None:
        entry["model_info"] = {"max_input_tokens": model.max_input_tokens}
    return entry


def _litellm_params(source: ModelSource, name: str | None) -> dict[str, str]:
    params = {"model": f"{source.prefix}{name}"}
    if source.address is not None:
        params["api_base"] = source.address.base_url
    params["api_key"] = f"os.environ/{source.key_variable}" if source.key_variable else "none"
    return params


def _router_settings(models: Sequence[DiscoveredModel]) -> dict[str, Any]:
    fallbacks = [{model.alias: chain} for model in models if (chain := _chain(model, models))]
    return {"fallbacks": fallbacks} if fallbacks else {}


def _chain(model: DiscoveredModel, models: Sequence[DiscoveredModel]) -> list[str]:
    """Like for like first, from the other sources: what ails a provider mostly ails both of its models."""
    others = [other for other in models if other.source is not model.source and other.size is model.size]
    siblings = [other for other in models if other.source is model.source and other is not model]
    return [other.alias for other in (*others, *siblings)]
