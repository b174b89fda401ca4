"""`models.yaml`: what is read from it, and what makes it unusable."""

from typing import Any

import pytest

from schemas.models_file import UnusableModels, read_models

YAML = b"""
model_list:
  - model_name: fast
    litellm_params: {model: openai/gpt-5-mini, api_key: os.environ/OPENAI_API_KEY}
    model_info: {max_input_tokens: 1000}
  - model_name: fast
    litellm_params: {model: groq/llama}
  - model_name: smart
    litellm_params: {model: anthropic/claude}
router_settings:
  fallbacks: [{fast: [smart]}]
aliases:
  fast: {title: "GPT-5 mini", system_prompt: "Answer briefly."}
default: smart
"""


def a_file(**fields: Any) -> dict[str, Any]:
    entries = [{"model_name": name, "litellm_params": {"model": "openai/x"}} for name in ("fast", "smart")]
    return {"model_list": entries} | fields


def test_a_file_names_aliases_titles_prompts_and_fallbacks() -> None:
    models = read_models(YAML)
    assert models.names == ["fast", "smart"]
    assert models.default_alias == "smart"
    assert (models.title_of("fast"), models.title_of("smart")) == ("GPT-5 mini", "smart")
    assert (models.system_prompt_of("fast"), models.system_prompt_of("smart")) == ("Answer briefly.", None)
    assert (models.fallbacks_of("fast"), models.fallbacks_of("smart")) == (["smart"], [])
    assert models.model_list[0].model_info.max_input_tokens == 1_000


def test_the_first_alias_is_the_default_unless_one_is_named() -> None:
    assert read_models(a_file()).default_alias == "fast"


def test_unknown_keys_are_left_to_litellm() -> None:
    assert read_models(a_file(router_settings={"num_retries": 3}, general_settings={"x": 1})).names == ["fast", "smart"]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b": : :\n\t",
        b"model_list: []",
        {},
        a_file(default="gone"),
        a_file(model_list=[{"model_name": "fast"}]),
        a_file(router_settings={"fallbacks": [{"fast": ["gone"]}]}),
        a_file(router_settings={"fallbacks": {"fast": ["smart"]}}),
        a_file(router_settings={"fallbacks": ["smart"]}),
        a_file(router_settings={"fallbacks": [{"fast": "smart"}]}),
    ],
)
def test_what_cannot_be_used_says_so(content: bytes | dict[str, Any]) -> None:
    with pytest.raises(UnusableModels) as unusable:
        read_models(content)
    assert len(str(unusable.value)) > 10


def test_a_wrong_fallback_is_named() -> None:
    with pytest.raises(UnusableModels, match=r"'fast' name \['gone'\]"):
        read_models(a_file(router_settings={"fallbacks": [{"fast": ["gone"]}]}))
