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
    tail = percentile(samples, 99)
    return Spread(round(median(samples), 2), round(tail, 2), round(max(samples), 2), len(samples))


def percentile(samples: Sequence[float], percent: int) -> float:
    """The nearest rank's. Raises ValueError without samples."""
    if not samples:
        raise ValueError("no samples")
    return sorted(samples)[max(0, -(-len(samples) * percent // 100) - 1)]
