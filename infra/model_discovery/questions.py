"""Asks a server for the name of its model, where the environment gives only an address. The shell of discovery.

In: discovered models and the environment (for keys). Out: the same models, all with names.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace

import httpx
import msgspec

from infra.model_discovery.discovered import Address, DiscoveredModel, ModelDiscoveryFailed

_ANSWER_SECONDS = 5.0
_CHECK_ADDRESS = "check whether the address ends as it should, mostly in /v1"


class _Entry(msgspec.Struct):
    """A listed model: `id` in OpenAI's listing, `name` in Ollama's; vLLM adds the length of its context."""

    id: str = ""
    name: str = ""
    max_model_len: int | None = None


class _Listing(msgspec.Struct):
    data: list[_Entry] | None = None
    models: list[_Entry] | None = None


async def name_models(
    models: Iterable[DiscoveredModel], environ: Mapping[str, str], transport: httpx.AsyncBaseTransport | None = None
) -> list[DiscoveredModel]:
    """The models with their names. Raises ModelDiscoveryFailed when a server cannot be asked or has no chat model."""
    async with httpx.AsyncClient(timeout=_ANSWER_SECONDS, transport=transport) as client:
        return [await _named(model, environ, client) for model in models]


async def _named(model: DiscoveredModel, environ: Mapping[str, str], client: httpx.AsyncClient) -> DiscoveredModel:
    address = model.source.address
    if model.name is not None or address is None:
        return model
    entry = _first_chat_model(address, await _ask(address, model.source.key_variable, environ, client))
    tokens = model.max_input_tokens or entry.max_model_len
    return replace(model, name=entry.id or entry.name, max_input_tokens=tokens)


async def _ask(
    address: Address, key_variable: str | None, environ: Mapping[str, str], client: httpx.AsyncClient
) -> _Listing:
    headers = {"Authorization": f"Bearer {environ[key_variable].strip()}"} if key_variable else {}
    try:
        response = await client.get(address.listing_url, headers=headers)
        response.raise_for_status()
        return msgspec.json.decode(response.content, type=_Listing)
    except httpx.HTTPStatusError as error:
        raise _refused(address, key_variable, error.response.status_code) from error
    except msgspec.DecodeError as error:
        raise _unusable(address, "answered with something else than models", _CHECK_ADDRESS) from error
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise _unusable(address, f"did not answer ({type(error).__name__})", "start that server") from error


def _first_chat_model(address: Address, listing: _Listing) -> _Entry:
    for entry in [*(listing.data or []), *(listing.models or [])]:
        name = entry.id or entry.name
        if name and "embed" not in name.lower():
            return entry
    raise _unusable(address, "lists no chat model", "load one there, name one in SAMVAD_MODEL")


def _refused(address: Address, key_variable: str | None, status: int) -> ModelDiscoveryFailed:
    if status in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
        advice = f"put its key into {key_variable or 'OPENAI_API_KEY'}"
        return _unusable(address, f"refused with {status}", advice)
    return _unusable(address, f"answered {status}", _CHECK_ADDRESS)


def _unusable(address: Address, what: str, advice: str) -> ModelDiscoveryFailed:
    return ModelDiscoveryFailed(
        f"{address.variable}: {address.listing_url} {what}; {advice}, correct {address.variable} or unset it."
    )
