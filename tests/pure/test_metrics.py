"""The pieces that metrics are made of, as Prometheus's own parser reads them."""

from prometheus_client import Histogram, generate_latest

from observability.edge_metrics import EdgeMetrics, Tally
from observability.metrics import OneThreadHistogram, new_registry
from tests.flow.admin_pages import samples_in

SEEN = (0.0, 0.05, 0.1, 0.1001, 0.7, 2.0, 99.0)


def test_the_quick_histogram_says_what_the_librarys_says() -> None:
    ours, librarys, bounds = new_registry(), new_registry(), (0.1, 0.5, 2.0)
    quick = OneThreadHistogram("samvad_x_seconds", "x", bounds, ours)
    slow = Histogram("samvad_x_seconds", "x", registry=librarys, buckets=bounds)
    for seconds in SEEN:
        quick.observe(seconds)
        slow.observe(seconds)
    expected = samples_in(generate_latest(librarys).decode()).samples
    assert samples_in(generate_latest(ours).decode()).samples == expected
    assert len(expected) == 6


def test_names_off_the_list_count_as_other() -> None:
    tally = Tally(["delta"])
    for name in ("delta", "delta", "f81d4fae-7dec-11d0-a765-00a0c91e6bf6", ""):
        tally.add(name)
    assert tally.counts == {"delta": 2, "other": 2}


def test_every_frame_type_is_shown_before_the_first_one_came() -> None:
    registry = new_registry()
    EdgeMetrics(registry)
    shown = samples_in(generate_latest(registry).decode()).label_values()
    assert {"delta", "snapshot", "completed", "hello", "watch", "unreadable", "other"} <= shown
