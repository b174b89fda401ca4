"""What discovery finds: models, and who serves them."""

from dataclasses import dataclass
from enum import StrEnum


class ModelDiscoveryFailed(RuntimeError):
    """The environment names models that cannot be used; the text is one sentence: which variable, and what to do.
    It never holds a key.
    """


class Size(StrEnum):
    """What users choose between; the names of the aliases."""

    FAST = "fast"
    """Quick and cheap."""
    SMART = "smart"
    """The provider's large one."""


@dataclass(frozen=True)
class Address:
    """A server of one's own: OpenAI-compatible at `base_url`; its models are listed at `listing_url`."""

    variable: str
    base_url: str
    listing_url: str


@dataclass(frozen=True)
class ModelSource:
    """Who serves a model. `slug` makes aliases, `prefix` is LiteLLM's; `key_variable` is None where no key is set."""

    slug: str
    title: str
    prefix: str
    key_variable: str | None
    address: Address | None = None


@dataclass(frozen=True)
class DiscoveredModel:
    """One model and its alias. `name` is as its source calls it; None: only the server at the address knows it."""

    alias: str
    size: Size
    source: ModelSource
    name: str | None
    max_input_tokens: int | None = None
