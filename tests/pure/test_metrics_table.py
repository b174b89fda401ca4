"""`docs/metrics.md` and the program name the same metrics, of the same kind, with the same labels."""

import re
from pathlib import Path
from unittest import mock

from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import Metric

from observability.edge_metrics import EdgeMetrics
from observability.process_metrics import ProcessMetrics
from observability.worker_metrics import WorkerMetrics

DOCUMENT = (Path(__file__).parents[2] / "docs" / "metrics.md").read_text()
ROW = re.compile(r"^\| `(samvad_\w+)` \| (\w+) \| (.*?) ?\| (.+) \| (.+) \|$", re.MULTILINE)
UNITS = ("_seconds", "_records", "_bytes", "_total")
COUNTED = ("connections", "sessions", "turns", "turns_in_flight", "open_turns")

Described = dict[str, tuple[str, tuple[str, ...]]]
"""Kind and labels by name."""


def documented() -> Described:
    rows = [(name, kind, labels) for name, kind, labels, _, _ in ROW.findall(DOCUMENT)]
    assert len(rows) == len({name for name, _, _ in rows})
    return {name: (kind, tuple(re.findall(r"`(\w+)`", labels))) for name, kind, labels in rows}


def filled_registry() -> CollectorRegistry:
    """Every metric with at least one sample, so that its labels show."""
    process = ProcessMetrics()
    writer = mock.Mock(replacements=1, unacknowledged_records=2, unacknowledged_bytes=3)
    process.watch_writers({"frames": writer})
    process.note_store_call("turns.load", "ok", 0.1)
    edge, worker = EdgeMetrics(process.registry), WorkerMetrics(process.registry)
    edge.read_from(mock.Mock(**{f"{name}.return_value": 1 for name in EDGE_NUMBERS}))
    edge.closed(None)
    edge.rejected("overloaded")
    edge.upgrade_refused("origin")
    edge.sign_in_tried("password", "refused")
    numbers = {f"{name}.return_value": 1 for name in WORKER_NUMBERS} | {
        "turns_by_state.return_value": {"running": 1},
        "unread_by_partition.return_value": {"0": 1},
    }
    worker.read_from(mock.Mock(**numbers))
    worker.claimed("first", 1)
    worker.turn_ended("failed", "internal")
    worker.spent("fast", 1, 1)
    worker.given_up("fenced")
    worker.provider_attempt("fast", "answered")
    worker.fell_back("fast", "provider_busy")
    worker.switched("fast", "provider_busy")
    worker.first_token("fast", 1)
    worker.waited_for_provider("fast", "rate_limited", 1)
    return process.registry


EDGE_NUMBERS = ("connections", "sessions", "turns_in_flight", "reply_lag_seconds")
WORKER_NUMBERS = (
    "open_turns",
    "oldest_uncommitted_seconds",
    "last_commit_seconds",
    "last_poll_seconds",
    "broker_silent_seconds",
    "assignments",
    "dead_letters",
)


def programmed() -> Described:
    families = [family for family in filled_registry().collect() if family.name.startswith("samvad_")]
    return {_full_name(family): (family.type, _labels_of(family)) for family in families}


def _full_name(family: Metric) -> str:
    return f"{family.name}_total" if family.type == "counter" else family.name


def _labels_of(family: Metric) -> tuple[str, ...]:
    assert family.samples, family.name
    return tuple(label for label in family.samples[0].labels if label != "le")


def test_the_table_has_every_metric_and_no_other() -> None:
    assert documented() == programmed()


def test_names_carry_their_unit_and_every_metric_says_what_it_means() -> None:
    for family in filled_registry().collect():
        assert family.documentation
        if family.name.startswith("samvad_"):
            assert _full_name(family).endswith(UNITS) or family.name.removeprefix("samvad_") in COUNTED, family.name
