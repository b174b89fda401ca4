"""Which models the environment offers, and the configuration that comes of it. No network: the server is a function."""

import json
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import httpx
import pytest

from infra.model_discovery import (
    ModelDiscoveryFailed,
    discover,
    local_model_config,
    models_config,
)
from infra.model_discovery.discovered import Size
from infra.model_discovery.providers import PROVIDERS
from infra.model_discovery.questions import name_models
from schemas.models_file import read_models

SECRET = "sk-secret"
EVERY_KEY = {provider.key_variable: SECRET for provider in PROVIDERS}


def answering(body: object, status: int = 200) -> tuple[list[httpx.Request], httpx.MockTransport]:
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(status, json=body)

    return asked, httpx.MockTransport(answer)


def refuse(request: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("nobody listens", request=request)


async def configured(environ: dict[str, str], body: object = None) -> dict[str, Any]:
    _, transport = answering(body)
    config = models_config(await name_models(discover(environ), environ, transport))
    read_models(config)
    return config


def params_of(config: dict[str, Any], alias: str) -> dict[str, str]:
    [entry] = [entry for entry in config["model_list"] if entry["model_name"] == alias]
    params: dict[str, str] = entry["litellm_params"]
    return params


def test_an_environment_without_keys_offers_nothing() -> None:
    assert discover({"PATH": "/bin", "OPENAI_API_KEY": " ", "SAMVAD_MODEL": "gpt-6-luna"}) == []


@pytest.mark.parametrize("provider", PROVIDERS, ids=lambda provider: provider.slug)
async def test_a_providers_key_gives_its_fast_and_its_smart_model(provider: Any) -> None:
    config = await configured({provider.key_variable: SECRET})
    key = f"os.environ/{provider.key_variable}"
    assert params_of(config, "fast") == {"model": f"{provider.slug}/{provider.fast}", "api_key": key}
    assert params_of(config, "smart") == {"model": f"{provider.slug}/{provider.smart}", "api_key": key}
    assert config["router_settings"] == {"fallbacks": [{"fast": ["smart"]}, {"smart": ["fast"]}]}
    assert config["aliases"]["fast"]["title"] == f"{provider.fast} ({provider.title})"


@pytest.mark.parametrize("provider", [p for p in PROVIDERS if p.slug != "openrouter"], ids=lambda p: p.slug)
def test_the_default_names_are_chat_models_in_litellms_own_list(provider: Any) -> None:
    spec = find_spec("litellm")
    assert spec is not None and spec.origin is not None
    known = json.loads(Path(spec.origin).with_name("model_prices_and_context_window_backup.json").read_text())
    for name in (provider.fast, provider.smart):
        listed = known.get(f"{provider.prefix}{name}") or known[name]
        assert (listed["litellm_provider"], listed["mode"]) == (provider.slug, "chat")


async def test_the_first_provider_gets_the_aliases_and_the_others_stand_in_like_for_like() -> None:
    config = await configured({"GROQ_API_KEY": SECRET, "ANTHROPIC_API_KEY": SECRET})
    assert [entry["model_name"] for entry in config["model_list"]] == ["fast", "smart", "groq-fast", "groq-smart"]
    assert params_of(config, "fast")["model"].startswith("anthropic/")
    assert config["router_settings"]["fallbacks"][:2] == [
        {"fast": ["groq-fast", "smart"]},
        {"smart": ["groq-smart", "fast"]},
    ]


async def test_keys_are_named_never_copied() -> None:
    servers = {"OLLAMA_HOST": "127.0.0.1", "HOSTED_VLLM_API_BASE": "http://gpu/v1", "HOSTED_VLLM_API_KEY": SECRET}
    environ = {**EVERY_KEY, **servers, "OPENAI_BASE_URL": "http://gpu/v1"}
    assert SECRET not in json.dumps(await configured(environ, {"data": [{"id": "qwen"}]}))


@pytest.mark.parametrize("variable", ["OPENAI_BASE_URL", "OPENAI_API_BASE"])
async def test_a_compatible_server_is_asked_for_its_first_chat_model(variable: str) -> None:
    environ = {variable: "http://gpu:8000/v1/", "OPENAI_API_KEY": SECRET}
    asked, transport = answering({"data": [{"id": "nomic-embed"}, {"id": "org/qwen", "max_model_len": 32768}]})
    config = models_config(await name_models(discover(environ), environ, transport))
    assert [(str(r.url), r.headers["authorization"]) for r in asked] == [
        ("http://gpu:8000/v1/models", f"Bearer {SECRET}")
    ]
    assert config["model_list"] == [
        {
            "model_name": "fast",
            "litellm_params": {
                "model": "hosted_vllm/org/qwen",
                "api_base": "http://gpu:8000/v1",
                "api_key": "os.environ/OPENAI_API_KEY",
            },
            "model_info": {"max_input_tokens": 32768},
        }
    ]
    assert config["router_settings"] == {}
    assert config["aliases"]["fast"]["title"] == "org/qwen (gpu:8000)"


async def test_a_server_without_a_key_is_asked_without_one() -> None:
    environ = {"HOSTED_VLLM_API_BASE": "http://gpu:8000/v1"}
    asked, transport = answering({"data": [{"id": "qwen"}]})
    config = models_config(await name_models(discover(environ), environ, transport))
    assert "authorization" not in asked[0].headers
    assert params_of(config, "fast")["api_key"] == "none"


async def test_openais_own_address_is_no_server_of_ones_own() -> None:
    config = await configured({"OPENAI_BASE_URL": "https://api.openai.com/v1", "OPENAI_API_KEY": SECRET})
    assert params_of(config, "fast")["model"].startswith("openai/")


async def test_a_server_comes_first_and_the_next_provider_gives_the_smart_model() -> None:
    environ = {"OPENAI_BASE_URL": "http://gpu:8000/v1", "ANTHROPIC_API_KEY": SECRET}
    config = await configured(environ, {"data": [{"id": "qwen"}]})
    assert params_of(config, "fast")["model"] == "hosted_vllm/qwen"
    assert params_of(config, "smart")["model"].startswith("anthropic/")
    assert {"fast": ["anthropic-fast"]} in config["router_settings"]["fallbacks"]


@pytest.mark.parametrize(
    ("value", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:11434"),
        ("0.0.0.0:4000", "http://127.0.0.1:4000"),
        (":4000", "http://127.0.0.1:4000"),
        ("http://box:11434/", "http://box:11434"),
        ("https://box/ollama", "https://box/ollama"),
        ("[::]:4000", "http://127.0.0.1:4000"),
        ("http://[::1]:4000", "http://[::1]:4000"),
    ],
)
@pytest.mark.parametrize("variable", ["OLLAMA_HOST", "OLLAMA_API_BASE"])
async def test_ollama_is_found_as_people_write_its_address(variable: str, value: str, url: str) -> None:
    environ = {variable: value}
    asked, transport = answering({"models": [{"name": "qwen3:8b"}]})
    config = models_config(await name_models(discover(environ), environ, transport))
    assert str(asked[0].url) == f"{url}/api/tags"
    assert params_of(config, "fast") == {"model": "hosted_vllm/qwen3:8b", "api_base": f"{url}/v1", "api_key": "none"}


async def test_ollamas_short_context_is_known() -> None:
    short = await configured({"OLLAMA_HOST": "box"}, {"models": [{"name": "qwen3"}]})
    long = await configured({"OLLAMA_HOST": "box", "OLLAMA_CONTEXT_LENGTH": "32768"}, {"models": [{"name": "qwen3"}]})
    assert [c["model_list"][0]["model_info"]["max_input_tokens"] for c in (short, long)] == [4096, 32768]


@pytest.mark.parametrize(
    ("environ", "model"),
    [
        ({"OPENAI_API_KEY": SECRET, "SAMVAD_MODEL": "gpt-5.4"}, "openai/gpt-5.4"),
        ({"OPENAI_API_KEY": SECRET, "SAMVAD_MODEL": "openai/gpt-5.4"}, "openai/gpt-5.4"),
        ({**EVERY_KEY, "SAMVAD_MODEL": "mistral/mistral-large-4"}, "mistral/mistral-large-4"),
        ({"GROQ_API_KEY": SECRET, "SAMVAD_MODEL": "openai/gpt-oss-120b"}, "groq/openai/gpt-oss-120b"),
        ({**EVERY_KEY, "OPENAI_BASE_URL": "http://gpu", "SAMVAD_MODEL": "mistral/x"}, "hosted_vllm/mistral/x"),
        ({"OLLAMA_HOST": "box", "SAMVAD_MODEL": "llama3:70b"}, "hosted_vllm/llama3:70b"),
    ],
)
async def test_the_wanted_model_is_the_fast_one_and_nobody_is_asked(environ: dict[str, str], model: str) -> None:
    named = await name_models(discover(environ), environ, httpx.MockTransport(refuse))
    assert params_of(models_config(named), "fast")["model"] == model
    assert [m.size for m in named if m.source is named[0].source] == [Size.FAST]


@pytest.mark.parametrize(
    ("environ", "answer", "sentence"),
    [
        (
            {"OPENAI_BASE_URL": "http://gpu:8000/v1"},
            refuse,
            "OPENAI_BASE_URL: http://gpu:8000/v1/models did not answer (ConnectError); start that server,"
            " correct OPENAI_BASE_URL or unset it.",
        ),
        (
            {"OLLAMA_HOST": "box"},
            lambda _: httpx.Response(200, json={"models": []}),
            "OLLAMA_HOST: http://box:11434/api/tags lists no chat model; load one there, name one in SAMVAD_MODEL,"
            " correct OLLAMA_HOST or unset it.",
        ),
        (
            {"HOSTED_VLLM_API_BASE": "http://gpu", "HOSTED_VLLM_API_KEY": SECRET},
            lambda _: httpx.Response(401),
            "HOSTED_VLLM_API_BASE: http://gpu/models refused with 401; put its key into HOSTED_VLLM_API_KEY,"
            " correct HOSTED_VLLM_API_BASE or unset it.",
        ),
        (
            {"OPENAI_BASE_URL": "http://gpu"},
            lambda _: httpx.Response(404),
            "OPENAI_BASE_URL: http://gpu/models answered 404; check whether the address ends as it should, mostly in"
            " /v1, correct OPENAI_BASE_URL or unset it.",
        ),
        (
            {"OPENAI_BASE_URL": "http://gpu/v1"},
            lambda _: httpx.Response(200, text="<html>"),
            "OPENAI_BASE_URL: http://gpu/v1/models answered with something else than models; check whether the address"
            " ends as it should, mostly in /v1, correct OPENAI_BASE_URL or unset it.",
        ),
    ],
)
async def test_a_server_that_is_of_no_use_is_named_with_what_to_do(
    environ: dict[str, str], answer: Callable[[httpx.Request], httpx.Response], sentence: str
) -> None:
    with pytest.raises(ModelDiscoveryFailed) as failure:
        await name_models(discover(environ), environ, httpx.MockTransport(answer))
    assert str(failure.value) == sentence


@pytest.mark.parametrize("variable", ["OPENAI_BASE_URL", "OLLAMA_HOST", "HOSTED_VLLM_API_BASE"])
@pytest.mark.parametrize(
    "value",
    [f"http://asha:{SECRET}@box/v1", f"http://box/v1?key={SECRET}", f"ftp://{SECRET}", f"http://box:{SECRET}/v1"],
)
def test_an_address_with_more_in_it_is_refused_without_repeating_it(variable: str, value: str) -> None:
    with pytest.raises(ModelDiscoveryFailed, match=variable) as failure:
        discover({variable: value})
    assert SECRET not in str(failure.value)


def test_the_local_model_is_only_fast_and_says_that_it_is_tiny() -> None:
    config = local_model_config("http://127.0.0.1:5000/v1", "SmolLM2-135M-Instruct", 2048)
    models = read_models(config)
    assert models.names == ["fast"]
    assert "tiny" in models.title_of("fast")
    assert models.model_list[0].model_info.max_input_tokens == 2048
    assert params_of(config, "fast")["api_base"] == "http://127.0.0.1:5000/v1"
