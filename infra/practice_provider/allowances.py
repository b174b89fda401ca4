"""How many requests a model with the suffix `-rate10` takes. Pure.

In: each request and the time at which it came. Out: whether it is taken, and the headers by which providers of OpenAI's
kind say how much is left: a bucket that holds `rate` requests and is refilled by `rate` a second.
"""

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Allowed:
    """`headers` belong on the answer or on the refusal."""

    headers: dict[str, str]
    is_taken: bool = True


class Allowance:
    """One model's bucket, full at first. `rate`: requests a second."""

    def __init__(self, rate: int, now: float) -> None:
        self._rate = rate
        self._left = float(rate)
        self._at = now

    def take(self, now: float) -> Allowed:
        """Takes the request, or says when there is room for one."""
        self._left = min(self._rate, self._left + (now - self._at) * self._rate)
        self._at = now
        if self._left < 1:
            retry_after_seconds = math.ceil((1 - self._left) / self._rate)
            return Allowed(self._told() | {"Retry-After": str(retry_after_seconds)}, is_taken=False)
        self._left -= 1
        return Allowed(self._told())

    def _told(self) -> dict[str, str]:
        """`reset` is the time until the bucket is full again, as OpenAI says it."""
        reset_ms = math.ceil((self._rate - self._left) / self._rate * 1_000)
        return {
            "x-ratelimit-limit-requests": str(self._rate),
            "x-ratelimit-remaining-requests": str(int(self._left)),
            "x-ratelimit-reset-requests": f"{reset_ms}ms",
        }


class Allowances:
    """The buckets by model name, for the provider's whole life. A model without a rate takes everything."""

    def __init__(self) -> None:
        self._by_model: dict[str, Allowance] = {}

    def take(self, model: str, rate: int | None, now: float) -> Allowed:
        if rate is None:
            return Allowed({})
        if model not in self._by_model:
            self._by_model[model] = Allowance(rate, now)
        return self._by_model[model].take(now)
