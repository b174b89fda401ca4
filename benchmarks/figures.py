"""Samples to figures. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True, slots=True)
class Spread:
    """The middle, the tail and the worst of some samples, in the samples' unit."""

    p50: float
    p99: float
    max: float
    samples: int


def spread(samples: Sequence[float]) -> Spread:
    """Nearest-rank percentiles: each one is a sample that really happened. Raises ValueError without samples."""
    ordered = sorted(samples)
    rank = max(0, -(-len(ordered) * 99 // 100) - 1)
    return Spread(round(median(ordered), 2), round(ordered[rank], 2), round(max(ordered), 2), len(ordered))
