"""What an edge and a worker have in common: event loop, store, writers, and the process itself."""

import time
from collections.abc import Mapping
from typing import Protocol

from prometheus_client import CollectorRegistry, Histogram, ProcessCollector

from observability.metrics import QUICK_SECONDS, ReadAtScrape, new_registry

UNAVAILABLE = "unavailable"


class Writer(Protocol):
    """The numbers that a writer keeps."""

    @property
    def replacements(self) -> int: ...
    @property
    def unacknowledged_records(self) -> int: ...
    @property
    def unacknowledged_bytes(self) -> int: ...


class ProcessMetrics:
    """Metrics of any role. `registry` takes a role's own metrics beside these."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self.registry = registry or new_registry()
        ProcessCollector(registry=self.registry)
        self._read = ReadAtScrape(self.registry)
        self._loop_lag = Histogram(
            "samvad_event_loop_lag_seconds",
            "How late the event loop came to a timer",
            registry=self.registry,
            buckets=QUICK_SECONDS,
        )
        self._loop_held = Histogram(
            "samvad_event_loop_held_seconds",
            "The part of that in which it did not wait for a CPU: code held it",
            registry=self.registry,
            buckets=QUICK_SECONDS,
        )
        self._store_calls = Histogram(
            "samvad_store_call_seconds",
            "A call of the store, from the caller's side",
            ["operation", "outcome"],
            registry=self.registry,
            buckets=QUICK_SECONDS,
        )
        self._store_failed_at: float | None = None

    def watch_writers(self, writers: Mapping[str, Writer]) -> None:
        """Shows what the writers keep already."""
        self._read.counters(
            "samvad_producer_replacements_total",
            "Producers thrown away because they failed or stalled",
            "writer",
            lambda: {name: writer.replacements for name, writer in writers.items()},
        )
        self._read.gauges(
            "samvad_producer_unacknowledged_records",
            "Records that the broker has not acknowledged yet",
            "writer",
            lambda: {name: writer.unacknowledged_records for name, writer in writers.items()},
        )
        self._read.gauges(
            "samvad_producer_unacknowledged_bytes",
            "The memory they take, estimated",
            "writer",
            lambda: {name: writer.unacknowledged_bytes for name, writer in writers.items()},
        )

    def note_loop_lag(self, late_seconds: float, held_seconds: float) -> None:
        """The event loop came to a timer."""
        self._loop_lag.observe(late_seconds)
        self._loop_held.observe(held_seconds)

    def note_store_call(self, operation: str, outcome: str, seconds: float) -> None:
        """One call of the store has ended."""
        self._store_calls.labels(operation, outcome).observe(seconds)
        if outcome == "ok":
            self._store_failed_at = None
        elif outcome == UNAVAILABLE:
            self._store_failed_at = self._store_failed_at or time.monotonic()

    def why_degraded(self) -> str | None:
        """The store's newest answer was none: history and new turns wait, live answers go on."""
        if self._store_failed_at is None:
            return None
        return f"the store has not answered for {time.monotonic() - self._store_failed_at:.0f} s"
