"""`models.yaml`: LiteLLM's own `model_list` and `router_settings`, plus our aliases. Edges read it for the allow-list,
workers for the rest. Unknown keys are left to LiteLLM.

    model_list:
      - model_name: fast                      # the alias that users see
        litellm_params: {model: openai/gpt-5-mini, api_key: os.environ/OPENAI_API_KEY}
    router_settings:
      fallbacks: [{fast: [smart]}]
    aliases:
      fast: {title: "GPT-5 mini", system_prompt: "Answer briefly.", on_fault: continue}
    default: fast
"""

from enum import StrEnum
from typing import Any

import msgspec


class UnusableModels(ValueError):
    """The file can't be used; the message says which key and why."""


class ModelInfo(msgspec.Struct, omit_defaults=True):
    """What is known of a deployment's model. LiteLLM's own tables fill what is missing.

    `supports_assistant_prefill`: it goes on from an unfinished last message of its own instead of beginning a new one.
    """

    max_input_tokens: int | None = None
    max_output_tokens: int | None = None
    supports_assistant_prefill: bool | None = None


class OnFault(StrEnum):
    """What becomes of an answer whose model, or worker, fails in the middle of it."""

    CONTINUE = "continue"
    """The next one goes on from the text so far if it can, and answers from the beginning if it can't."""
    RESTART = "restart"
    """The next one answers from the beginning."""
    FAIL = "fail"
    """It ends as failed, and the text so far is kept."""


class DeploymentEntry(msgspec.Struct):
    """One deployment: `model_name` is the alias (LiteLLM: model group) that it serves."""

    model_name: str
    litellm_params: dict[str, Any]
    model_info: ModelInfo = msgspec.field(default_factory=ModelInfo)


class AliasSettings(msgspec.Struct, omit_defaults=True):
    """How users see an alias, what it is told before every conversation, and what a fault in its answer leads to."""

    title: str | None = None
    system_prompt: str | None = None
    on_fault: OnFault = OnFault.CONTINUE


class ModelsFile(msgspec.Struct, omit_defaults=True):
    """The whole file."""

    model_list: list[DeploymentEntry]
    router_settings: dict[str, Any] = {}
    litellm_settings: dict[str, Any] = {}
    aliases: dict[str, AliasSettings] = {}
    default: str | None = None

    @property
    def names(self) -> list[str]:
        """The aliases that users may ask for, in the file's order."""
        return list(dict.fromkeys(entry.model_name for entry in self.model_list))

    @property
    def default_alias(self) -> str:
        return self.default or self.names[0]

    def title_of(self, alias: str) -> str:
        """What users read: the given title, or else the alias."""
        settings = self.aliases.get(alias)
        return (settings and settings.title) or alias

    def system_prompt_of(self, alias: str) -> str | None:
        settings = self.aliases.get(alias)
        return settings.system_prompt if settings else None

    def on_fault_of(self, alias: str) -> OnFault:
        settings = self.aliases.get(alias)
        return settings.on_fault if settings else OnFault.CONTINUE

    def fallbacks_of(self, alias: str) -> list[str]:
        """The aliases tried after this one, in order."""
        rules: list[dict[str, list[str]]] = self.router_settings.get("fallbacks") or []
        return [name for rule in rules for name in rule.get(alias, [])]


def read_models(content: bytes | dict[str, Any]) -> ModelsFile:
    """The models of a YAML file's bytes, or of the same as a dict. Raises UnusableModels."""
    try:
        if isinstance(content, bytes):
            models = msgspec.yaml.decode(content, type=ModelsFile)
        else:
            models = msgspec.convert(content, ModelsFile)
    except (msgspec.MsgspecError, ValueError) as error:
        raise UnusableModels(str(error)) from error
    _check(models)
    return models


def _check(models: ModelsFile) -> None:
    if not models.model_list:
        raise UnusableModels("`model_list` is empty: name at least one deployment")
    _check_shape_of_fallbacks(models.router_settings.get("fallbacks") or [])
    for number, entry in enumerate(models.model_list):
        if not isinstance(entry.litellm_params.get("model"), str):
            raise UnusableModels(f"`model_list[{number}].litellm_params.model` is missing: name provider and model")
    known = set(models.names)
    if models.default_alias not in known:
        raise UnusableModels(f"`default` names {models.default_alias!r}, which no deployment serves")
    for alias in known:
        if unknown := set(models.fallbacks_of(alias)) - known:
            raise UnusableModels(f"the fallbacks of {alias!r} name {sorted(unknown)}, which no deployment serves")


def _check_shape_of_fallbacks(rules: Any) -> None:
    try:
        msgspec.convert(rules, list[dict[str, list[str]]])
    except msgspec.ValidationError as error:
        raise UnusableModels(f"`fallbacks` must look like [{{fast: [smart]}}]: {error}") from error
