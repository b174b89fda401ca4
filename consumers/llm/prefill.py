"""How a model is asked to go on from text that it did not write: as its own last message ("assistant prefill"). Pure.

In: the messages, and the text. Out: what the call says. Providers differ in how they are told that the last message
is unfinished: OpenAI-compatible servers (vLLM, SGLang, llama.cpp) by two flags of the request, which are vLLM's names;
the others, through LiteLLM, by `prefix` in the message. Without it Mistral and DeepSeek begin a new message, and for
Bedrock LiteLLM appends a question of its own.
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from consumers.context import ProviderMessage

COMPATIBLE_SERVERS = frozenset({"hosted_vllm", "openai", "openai_like", "custom_openai", "llamafile", "lm_studio"})
"""LiteLLM's prefixes of servers that are spoken to in OpenAI's API."""

_GO_ON = {"continue_final_message": True, "add_generation_prompt": False}


class Ask(msgspec.Struct, frozen=True):
    """What one call says: the messages, and what goes into its body beside what LiteLLM knows."""

    messages: Sequence[dict[str, Any]]
    extra_body: dict[str, bool] = {}


def ask_of(messages: Sequence[ProviderMessage], kept: str, provider: str) -> Ask:
    """The call that answers `messages`, from after `kept` on."""
    if not kept:
        return Ask(messages)
    last: dict[str, Any] = {"role": "assistant", "content": kept}
    if provider in COMPATIBLE_SERVERS:
        return Ask([*messages, last], _GO_ON)
    return Ask([*messages, last | {"prefix": True}])


def to_go_on_from(text: str) -> str:
    """The part of a text that a model can go on from: Anthropic refuses one that ends in white space, and LiteLLM
    strips it, so that the answer would read on as if it were still there.
    """
    return text.rstrip()


def may_continue(model: str, said: bool | None, tables: dict[str, Any]) -> bool:
    """Whether a model takes such a message: by the models file if it says so, else by LiteLLM's tables.

    `model` is LiteLLM's name, with the provider in front; a table's entry counts for its own provider only.
    """
    if said is not None:
        return said
    provider, _, name = model.partition("/")
    known = tables.get(model) or tables.get(name) or {}
    is_of_provider = str(known.get("litellm_provider", "")).startswith(provider)
    return is_of_provider and bool(known.get("supports_assistant_prefill"))
