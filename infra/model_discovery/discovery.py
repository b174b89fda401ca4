"""What the environment offers, in order of preference. Pure: no network.

In: the environment. Out: models, the preferred first; those whose `name` is None have to be asked for (questions.py).
The first offer gets the aliases `fast` and `smart`; the others' are called `anthropic-fast` and so on.

`SAMVAD_MODEL` is the name of the first offer's one model; where it begins as a hosted provider's names do in LiteLLM
(`anthropic/...`) and that provider has a key, the provider comes first.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from infra.model_discovery.addresses import base_url, ollama_url
from infra.model_discovery.discovered import Address, DiscoveredModel, ModelSource, Size
from infra.model_discovery.providers import OPENAI, PROVIDERS, Provider

# Any OpenAI-compatible server: by this door a chunk costs LiteLLM 265 us of CPU, by `openai/` 390 (L3).
_COMPATIBLE = "hosted_vllm/"
# Ollama's own default; what is longer loses its beginning without a word. OLLAMA_CONTEXT_LENGTH is Ollama's setting.
_OLLAMA_CONTEXT_TOKENS = 4096


@dataclass(frozen=True)
class _Offer:
    source: ModelSource
    names: Mapping[Size, str | None]
    max_input_tokens: int | None = None


def discover(environ: Mapping[str, str]) -> list[DiscoveredModel]:
    """The models that the environment offers, none when it offers none. Raises ModelDiscoveryFailed for an address
    that is none.
    """
    values = {name: value.strip() for name, value in environ.items() if value.strip()}
    offers = [*_openai_server(values), *_hosted(values), *_ollama(values), *_vllm(values)]
    if offers and (wanted := values.get("SAMVAD_MODEL")):
        offers = _with_wanted(wanted, offers)
    return list(_models(offers))


def _openai_server(values: Mapping[str, str]) -> Iterator[_Offer]:
    """A server in OpenAI's variables; OpenAI itself is none, its models are known."""
    variable = _first_set(values, "OPENAI_BASE_URL", "OPENAI_API_BASE")
    if variable is None:
        return
    url = base_url(variable, values[variable])
    if urlsplit(url).hostname != "api.openai.com":
        yield _server("openai", variable, url, _first_set(values, OPENAI.key_variable))


def _hosted(values: Mapping[str, str]) -> Iterator[_Offer]:
    taken = any(_openai_server(values))  # then OpenAI's key is that server's
    for provider in PROVIDERS:
        if provider.key_variable in values and not (taken and provider is OPENAI):
            yield _hosted_offer(provider)


def _hosted_offer(provider: Provider) -> _Offer:
    source = ModelSource(provider.slug, provider.title, provider.prefix, provider.key_variable)
    return _Offer(source, {Size.FAST: provider.fast, Size.SMART: provider.smart})


def _ollama(values: Mapping[str, str]) -> Iterator[_Offer]:
    variable = _first_set(values, "OLLAMA_API_BASE", "OLLAMA_HOST")
    if variable is None:
        return
    url = ollama_url(variable, values[variable])
    address = Address(variable, f"{url}/v1", f"{url}/api/tags")
    tokens = values.get("OLLAMA_CONTEXT_LENGTH", "")
    max_input_tokens = int(tokens) if tokens.isdecimal() else _OLLAMA_CONTEXT_TOKENS
    yield _Offer(ModelSource("ollama", "Ollama", _COMPATIBLE, None, address), {Size.FAST: None}, max_input_tokens)


def _vllm(values: Mapping[str, str]) -> Iterator[_Offer]:
    variable = _first_set(values, "HOSTED_VLLM_API_BASE")
    if variable is not None:
        key_variable = _first_set(values, "HOSTED_VLLM_API_KEY")
        yield _server("vllm", variable, base_url(variable, values[variable]), key_variable)


def _server(slug: str, variable: str, url: str, key_variable: str | None) -> _Offer:
    address = Address(variable, url, f"{url}/models")
    return _Offer(ModelSource(slug, urlsplit(url).netloc, _COMPATIBLE, key_variable, address), {Size.FAST: None})


def _first_set(values: Mapping[str, str], *variables: str) -> str | None:
    return next((variable for variable in variables if variable in values), None)


def _with_wanted(wanted: str, offers: list[_Offer]) -> list[_Offer]:
    meant = _meant(wanted, offers)
    named = {Size.FAST: wanted.removeprefix(meant.source.prefix)}
    return [replace(meant, names=named), *(offer for offer in offers if offer is not meant)]


def _meant(wanted: str, offers: list[_Offer]) -> _Offer:
    """An address is meant whatever the name looks like: servers call models `openai/gpt-oss-20b` too."""
    if offers[0].source.address is not None:
        return offers[0]
    return next((offer for offer in offers if wanted.startswith(offer.source.prefix)), offers[0])


def _models(offers: list[_Offer]) -> Iterator[DiscoveredModel]:
    taken: set[str] = set()
    for offer in offers:
        for size, name in offer.names.items():
            alias = size.value if size.value not in taken else f"{offer.source.slug}-{size}"
            taken.add(alias)
            yield DiscoveredModel(alias, size, offer.source, name, offer.max_input_tokens)
