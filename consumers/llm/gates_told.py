"""What a provider tells of its limits in response headers. Pure.

In: the headers of an answer or of a 429, as any mapping. Out: when to come again, and at which rate its bucket fills.

`Retry-After` is RFC 9110's (seconds or a date), `retry-after-ms` OpenAI's and Azure's. Of `x-ratelimit-*` only the
requests are read: how many are left, and the time until all of them are there again (OpenAI: `1s`, `6m0s`, `20ms`).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

_DURATION = re.compile(r"(?:(\d+)h)?(?:(\d+)m(?!s))?(?:(\d+(?:\.\d+)?)s)?(?:(\d+(?:\.\d+)?)ms)?", re.ASCII)
_UNIT_SECONDS = (3600.0, 60.0, 1.0, 0.001)


@dataclass(frozen=True, slots=True)
class ToldLimits:
    """None: not told. `rate`: requests a second by which the provider's bucket fills."""

    retry_after_seconds: float | None = None
    rate: float | None = None


SHARE_LEFT = 0.2
"""With more of a limit left than this, it is another one that holds, or none."""
NOTHING_TOLD = ToldLimits()
MINUTE_SECONDS = 60.0


def told_by(headers: Mapping[str, str], now_unix: float) -> ToldLimits:
    """Reads the headers; what can't be understood counts as not told. `now_unix` is for a `Retry-After` with a date."""
    known = {name.lower(): value for name, value in headers.items()}
    return ToldLimits(_retry_after(known, now_unix), _rate(known))


def told_by_models_file(now_unix: float) -> ToldLimits:
    """`rpm` and `tpm` are the Router's to count, by the minutes of the clock: it allows more when the next begins."""
    return ToldLimits(retry_after_seconds=MINUTE_SECONDS - now_unix % MINUTE_SECONDS)


def _retry_after(headers: Mapping[str, str], now_unix: float) -> float | None:
    milliseconds = _number(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return milliseconds / 1_000
    text = headers.get("retry-after")
    seconds = _number(text)
    return seconds if seconds is not None else _seconds_until(text, now_unix)


def _rate(headers: Mapping[str, str]) -> float | None:
    """What is missing from the bucket comes back until `reset`. While much is left, no limit is met."""
    limit = _number(headers.get("x-ratelimit-limit-requests"))
    left = _number(headers.get("x-ratelimit-remaining-requests"))
    reset_seconds = duration_seconds(headers.get("x-ratelimit-reset-requests"))
    if limit is None or left is None or not reset_seconds or left > limit * SHARE_LEFT:
        return None
    return (limit - left) / reset_seconds


def duration_seconds(text: str | None) -> float | None:
    """`1h2m3.5s`, `20ms` or plain seconds."""
    match = _DURATION.fullmatch(text or "")
    if not text or match is None:
        return _number(text)
    return sum(float(part or 0) * unit for part, unit in zip(match.groups(), _UNIT_SECONDS, strict=True))


def _number(text: str | None) -> float | None:
    try:
        number = float(text or "")
    except ValueError:
        return None
    return number if 0 <= number < float("inf") else None


def _seconds_until(date: str | None, now_unix: float) -> float | None:
    try:
        return max(0.0, parsedate_to_datetime(date or "").timestamp() - now_unix)
    except ValueError:
        return None
