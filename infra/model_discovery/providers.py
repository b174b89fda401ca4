"""The hosted providers, in the order in which they are preferred, and what to ask them for when nothing is said.

The names are in LiteLLM's own price list (a test checks it); OpenRouter's are not listed there at all. `-latest` names
are taken where a provider has them: they do not grow old.

`may_hold_key` tells which variables only a worker should see.
"""

from dataclasses import dataclass

KEY_SUFFIX = "_API_KEY"
"""LiteLLM looks for a provider's key under such a name when a models.yaml names none."""


@dataclass(frozen=True)
class Provider:
    """One provider: the variable with its key, LiteLLM's prefix, and its models by size."""

    slug: str
    title: str
    key_variable: str
    fast: str
    smart: str

    @property
    def prefix(self) -> str:
        return f"{self.slug}/"


OPENAI = Provider("openai", "OpenAI", "OPENAI_API_KEY", "gpt-6-luna", "gpt-6.1-sol")

PROVIDERS = (
    OPENAI,
    Provider("anthropic", "Anthropic", "ANTHROPIC_API_KEY", "claude-haiku-5-5", "claude-opus-5-5"),
    Provider("gemini", "Google", "GEMINI_API_KEY", "gemini-flash-latest", "gemini-pro-latest"),
    Provider("groq", "Groq", "GROQ_API_KEY", "openai/gpt-oss-20b", "openai/gpt-oss-120b"),
    Provider("mistral", "Mistral", "MISTRAL_API_KEY", "mistral-small-latest", "mistral-large-latest"),
    Provider("openrouter", "OpenRouter", "OPENROUTER_API_KEY", "openai/gpt-oss-120b", "openrouter/auto"),
)


def may_hold_key(variable: str) -> bool:
    """Whether LiteLLM could take a key from the variable, of a provider that is listed here or of any other."""
    return variable.endswith(KEY_SUFFIX) or any(variable == provider.key_variable for provider in PROVIDERS)
