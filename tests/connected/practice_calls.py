"""What the practice provider remembers of its calls. In: its base URL, which ends in `/v1`."""

from collections import Counter

import httpx

from tests.flow.admin_pages import page_now


def forget_calls(provider_url: str) -> None:
    httpx.delete(provider_url.removesuffix("/v1") + "/practice/calls", trust_env=False).raise_for_status()


def ends_of_calls(provider_url: str) -> Counter[str]:
    """How many ended in which way."""
    found = page_now(provider_url.removesuffix("/v1"), "/practice/calls").body["calls"]
    return Counter(str(call["ended"]) for call in found)
