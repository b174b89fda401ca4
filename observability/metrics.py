"""What every metric is made of: a registry per process, bucket bounds, and numbers that are read when asked for.

Names begin with `samvad_` and end in their unit. Labels take few and known values: a model alias, a code, a partition;
never an id. What an object counts for itself anyway is read at the scrape, on the admin server's thread: plain numbers
only, and copies of what may grow meanwhile.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import accumulate

from prometheus_client import CollectorRegistry, disable_created_metrics
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

QUICK_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""For what should take milliseconds: the store, the event loop, the broker."""
ANSWER_SECONDS = (0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0, 120.0)
"""For what people wait for."""

OTHER = "other"
"""The label of what is on no list: a label must not grow with what comes in."""

Read = Callable[[], float]
ReadMany = Callable[[], Mapping[str, float]]


def new_registry() -> CollectorRegistry:
    """A process's metrics; tests have as many as they like."""
    # Else every counter and histogram comes with a second series, of when it was made.
    disable_created_metrics()  # type: ignore[no-untyped-call]
    return CollectorRegistry()


class ReadAtScrape(Collector):
    """Gauges and counters whose values somebody keeps already."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._families: list[Callable[[], Metric]] = []
        registry.register(self)

    def gauge(self, name: str, meaning: str, read: Read) -> None:
        """One number."""
        self._families.append(lambda: GaugeMetricFamily(name, meaning, value=read()))

    def counter(self, name: str, meaning: str, read: Read) -> None:
        """One number that only grows; `name` ends in `_total`."""
        self._families.append(lambda: CounterMetricFamily(name, meaning, value=read()))

    def gauges(self, name: str, meaning: str, label: str, read: ReadMany) -> None:
        """One number for each value of a label."""
        self._families.append(lambda: _filled(GaugeMetricFamily(name, meaning, labels=[label]), read()))

    def counters(self, name: str, meaning: str, label: str, read: ReadMany) -> None:
        """As `gauges`, of numbers that only grow."""
        self._families.append(lambda: _filled(CounterMetricFamily(name, meaning, labels=[label]), read()))

    def collect(self) -> Iterable[Metric]:
        return [family() for family in self._families]


def _filled(
    family: GaugeMetricFamily | CounterMetricFamily, values: Mapping[str, float]
) -> GaugeMetricFamily | CounterMetricFamily:
    for label, value in values.items():
        family.add_metric([label], value)
    return family


class OneThreadHistogram(Collector):
    """For what is observed at every frame, always by the event loop: 0.3 µs instead of the library's 1.3."""

    def __init__(self, name: str, meaning: str, bounds: Sequence[float], registry: CollectorRegistry) -> None:
        self._name = name
        self._meaning = meaning
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self._sum = 0.0
        registry.register(self)

    def observe(self, seconds: float) -> None:
        """A bucket holds what is up to its bound, as Prometheus has it."""
        self._counts[bisect_left(self._bounds, seconds)] += 1
        self._sum += seconds

    def collect(self) -> Iterable[Metric]:
        labels = [*(str(bound) for bound in self._bounds), "+Inf"]
        buckets = list(zip(labels, accumulate(self._counts.copy()), strict=True))
        return [HistogramMetricFamily(self._name, self._meaning, buckets=buckets, sum_value=self._sum)]
