"""How long a process's event loop was held up, as its own metrics tell it (`samvad_event_loop_..._seconds`).

In: an admin address. Out: the bounds of the buckets that the tail fell into, between two looks.
"""

import asyncio
import math
from collections.abc import Mapping
from dataclasses import dataclass

from prometheus_client.parser import text_string_to_metric_families

from infra.direct_http import open_directly

LATE, HELD = "samvad_event_loop_lag_seconds", "samvad_event_loop_held_seconds"
"""How late it came to a timer; and the part of that in which code held it, and not another process the CPU."""
LOOK_SECONDS = 30.0

Buckets = Mapping[float, float]
"""Cumulative counts by upper bound in seconds."""


@dataclass(frozen=True, slots=True)
class LoopLag:
    """Upper bounds, in seconds, of the bucket of the 99th percentile and of the worst."""

    p99: float
    worst: float


async def look(admin: str) -> dict[str, Buckets]:
    """Both histograms of now. Raises OSError."""
    text = await asyncio.to_thread(_metrics, admin)
    found: dict[str, dict[float, float]] = {LATE: {}, HELD: {}}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if sample.name in (f"{LATE}_bucket", f"{HELD}_bucket"):
                found[family.name][float(sample.labels["le"])] = sample.value
    return dict(found)


def lag_since(before: Buckets, after: Buckets) -> LoopLag:
    """Of what was observed between two looks. Nothing at all: zeros."""
    counts = {bound: count - before.get(bound, 0.0) for bound, count in sorted(after.items())}
    total = counts.get(math.inf, 0.0)
    if not total:
        return LoopLag(0.0, 0.0)
    return LoopLag(_bound(counts, total * 0.99), _bound(counts, total))


def _bound(counts: Buckets, at_least: float) -> float:
    return next(bound for bound, count in counts.items() if count >= at_least)


def _metrics(admin: str) -> str:
    with open_directly(f"{admin}/metrics", LOOK_SECONDS) as answer:
        return answer.read().decode()
