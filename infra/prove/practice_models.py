"""Whom the people of a proof ask: practice models of many speeds and with every fault, most of them with a fallback.

In: the practice provider's address. Out: a models.yaml, and how often each alias is asked.
"""

import json
from pathlib import Path

RESCUER = "steady"
"""Answers where another fails."""

DEPLOYMENTS = {
    "quick": "practice-12x30",
    RESCUER: "practice-40x50",
    "slow": "practice-60x120",
    "long": "practice-150x80",
    "thoughtful": "practice-30x50-ttft2500",
    "limited": "practice-20x20-429",
    "erring": "practice-20x20-500",
    "cut-early": "practice-20x20-reset0",
    "cut-late": "practice-40x40-reset12",
    "stalling": "practice-40x40-stall10",
    "truncated": "practice-40x40-truncate15",
    "garbled": "practice-40x40-garbage10",
    "endless": "practice-1x40-endless",
    "empty": "practice-10x10-empty",
    "doomed": "practice-40x40-reset14",
    "hopeless": "practice-10x10-500",
}
WITHOUT_FALLBACK = {"quick", RESCUER, "slow", "long", "thoughtful", "endless", "doomed", "hopeless"}

WEIGHTS = {
    "quick": 30,
    RESCUER: 20,
    "slow": 12,
    "long": 10,
    "thoughtful": 10,
    "limited": 3,
    "erring": 3,
    "cut-early": 3,
    "cut-late": 3,
    "stalling": 2,
    "truncated": 3,
    "garbled": 3,
    "endless": 1,
    "empty": 2,
    "doomed": 1,
    "hopeless": 1,
}


def write_models(folder: Path, base_url: str) -> Path:
    """The file that edges and workers read."""
    deployments = [
        {
            "model_name": alias,
            "litellm_params": {"model": f"hosted_vllm/{model}", "api_base": base_url, "api_key": "none"},
        }
        for alias, model in DEPLOYMENTS.items()
    ]
    fallbacks = [{alias: [RESCUER]} for alias in DEPLOYMENTS if alias not in WITHOUT_FALLBACK]
    file = folder / "models.yaml"
    file.write_text(json.dumps({"model_list": deployments, "router_settings": {"fallbacks": fallbacks}}, indent=2))
    return file
