"""Which deployment answers: LiteLLM's Router picks, and fallbacks are walked here, one visible try at a time.

Each try is our own call, so that it has its own span, deadline and bill, and so that the rule before the first token
and the rule after it are the same code (ADR 0004; L5, L6).
"""

import os
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

import msgspec

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # L2: or the import fetches a price list from the network

import litellm
from litellm import Router
from litellm.types.router import RouterRateLimitError, RouterRateLimitErrorBasic

from consumers.context import ProviderMessage
from consumers.llm.prefill import may_continue
from schemas.models_file import DeploymentEntry, ModelsFile

SHORTEST: list[ProviderMessage] = [{"role": "user", "content": ""}]
"""Whoever has no room for this has none for anybody."""


@dataclass(frozen=True, slots=True)
class Deployment:
    """One place to ask: `params` are LiteLLM's, with the secret in them; never log them.

    `may_continue`: it can go on from text that it is given as its own last message.
    """

    alias: str
    deployment_id: str
    model: str
    params: dict[str, Any]
    may_continue: bool = False

    @property
    def provider(self) -> str:
        return self.model.split("/", 1)[0]


class Deployments:
    """The deployments to try for an alias, best first."""

    def __init__(self, models: ModelsFile, router: Router) -> None:
        self._models = models
        self._router = router
        # Known once for all: asking LiteLLM takes 0.2 ms of the event loop, before each first token.
        self._windows = {alias: self._smallest_window(alias) for alias in models.names}
        self._ids = {alias: self._ids_of_chain(alias) for alias in models.names}

    async def warm_up(self) -> None:
        """The Router's first pick loads modules, for a tenth of a second."""
        await self._pick(self._models.default_alias, [])

    async def in_order(
        self, alias: str, messages: list[ProviderMessage], limited: Callable[[list[str]], None]
    ) -> AsyncIterator[Deployment]:
        """Every deployment of the alias, then of its fallbacks: first the Router's pick, then what it left.

        `limited` is told the ids of those that the Router leaves out because limits that the models file sets are used
        up for everybody. Those that have no room for these messages only are left out of this walk, and that is all.
        """
        for group in [alias, *self._models.fallbacks_of(alias)]:
            picked = await self._pick(group, messages)
            if picked is None:
                if await self._pick(group, SHORTEST) is None:
                    limited(self._ids_of(group))
                continue
            yield picked
            for other in self._of(group):
                deployment = _deployment(group, dict(other))
                if deployment.deployment_id != picked.deployment_id:
                    yield deployment

    def ids_of(self, alias: str) -> list[str]:
        """The deployments of an alias's whole chain; none for an alias that nobody serves."""
        return self._ids.get(alias, [])

    def smallest_window(self, alias: str) -> int | None:
        """The input tokens that every deployment of the alias takes, where the file or LiteLLM's tables know it."""
        return self._windows[alias]

    def all_may_continue(self, alias: str) -> bool:
        """Whether each of the alias's own deployments can go on from text that it is given."""
        return all(_deployment(alias, dict(found)).may_continue for found in self._of(alias))

    def _ids_of_chain(self, alias: str) -> list[str]:
        chain = [alias, *self._models.fallbacks_of(alias)]
        return [deployment_id for group in chain for deployment_id in self._ids_of(group)]

    def _ids_of(self, alias: str) -> list[str]:
        return [str(found["model_info"]["id"]) for found in self._of(alias)]

    def _of(self, alias: str) -> list[Any]:
        return self._router.get_model_list(model_name=alias) or []

    def _smallest_window(self, alias: str) -> int | None:
        info = self._router.get_model_group_info(alias)
        windows = [entry.model_info.max_input_tokens for entry in self._models.model_list if entry.model_name == alias]
        known = [int(window) for window in windows if window]
        if info is not None and info.max_input_tokens:
            known.append(int(info.max_input_tokens))
        return min(known, default=None)

    async def _pick(self, group: str, messages: list[ProviderMessage]) -> Deployment | None:
        try:
            found = await self._router.async_get_available_deployment(group, {}, messages)
        except (RouterRateLimitError, RouterRateLimitErrorBasic, litellm.RateLimitError):  # each strategy has its own
            return None
        return _deployment(group, found)


def _deployment(alias: str, found: dict[str, Any]) -> Deployment:
    params, info = dict(found["litellm_params"]), found["model_info"]
    model = params["model"]
    continues = may_continue(model, info.get("supports_assistant_prefill"), litellm.model_cost)
    return Deployment(alias, str(info["id"]), model, params, continues)


def new_router(models: ModelsFile) -> Router:
    """The Router of a models file. Retries and fallbacks are off: `Deployments` walks them (L5). So are cooldowns: the
    gates know better who may be asked, and two that decide would contradict each other (ADR 10).
    """
    ours = {"fallbacks": [], "num_retries": 0, "max_fallbacks": 0, "disable_cooldowns": True}
    return Router(model_list=[_for_litellm(entry) for entry in models.model_list], **{**models.router_settings, **ours})


def _for_litellm(entry: DeploymentEntry) -> dict[str, Any]:
    return {
        "model_name": entry.model_name,
        "litellm_params": entry.litellm_params,
        "model_info": msgspec.to_builtins(entry.model_info),
    }
