"""Spans on their way out: bounded, counted, and quiet while nobody takes them (O5)."""

import logging
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
import structlog
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from observability.logs import setup_logging
from observability.span_export import BoundedBatches, CountedExporter, ExportCounts
from observability.tracing import TraceTarget, Tracing, setup_tracing

TURN = "0d4f3a8e-6d1c-5c7e-8a64-3f3f0f0b6f11"
NOBODY_LISTENS = "http://127.0.0.1:9"


class Collector(SpanExporter):
    """Takes spans once `is_open`; answers with `result`, or raises it."""

    def __init__(self, result: SpanExportResult | Exception = SpanExportResult.SUCCESS) -> None:
        self.result = result
        self.is_open = threading.Event()
        self.calls = 0

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        assert self.is_open.wait(10)
        self.calls += 1
        if isinstance(self.result, Exception):
            raise self.result
        return self.result


def end_spans(tracing: Tracing, count: int) -> None:
    for _ in range(count):
        tracing.turn(TURN).root().start("claim turn").end()


def test_what_has_no_room_is_dropped_and_counted_and_the_rest_is_sent() -> None:
    collector = Collector()
    batches = BoundedBatches(collector, max_waiting=10)
    tracing = Tracing(Resource.get_empty(), [batches])
    end_spans(tracing, 40)
    collector.is_open.set()
    tracing.shut_down()
    counts = batches.counts
    assert counts.ended == 40
    assert counts.dropped >= 20, "ten wait, and ten may be on their way"
    assert counts.exported == 40 - counts.dropped
    assert tracing.export_counts == [counts]


@pytest.mark.parametrize("result", [SpanExportResult.FAILURE, RuntimeError("SECRET")])
def test_a_collector_that_is_away_is_told_of_once_and_what_it_did_not_take_is_counted(
    result: SpanExportResult | Exception,
) -> None:
    collector, counts = Collector(result), ExportCounts()
    collector.is_open.set()
    exporter = CountedExporter(collector, counts)
    spans = a_batch()
    with structlog.testing.capture_logs() as lines:
        for _ in range(3):
            exporter.export(spans)
        collector.result = SpanExportResult.SUCCESS
        exporter.export(spans)
    assert [line["event"] for line in lines if line["event"].startswith("spans_")] == [
        "spans_not_taken",
        "spans_taken_again",
    ]
    assert "SECRET" not in repr(lines)
    assert (counts.failed, counts.exported) == (3, 1)


def test_a_process_that_ends_waits_for_one_refused_batch_and_not_for_each() -> None:
    collector = Collector(SpanExportResult.FAILURE)
    exporter = CountedExporter(collector, ExportCounts())
    collector.is_open.set()
    exporter.is_closing = True
    for _ in range(5):
        exporter.export(a_batch())
    assert collector.calls == 1


def test_without_anybody_at_the_address_nothing_waits_and_the_library_is_silent(
    capfd: pytest.CaptureFixture[str],
) -> None:
    setup_logging("worker")
    tracing = setup_tracing("samvad-worker", "1", TraceTarget(NOBODY_LISTENS))
    began = time.monotonic()
    end_spans(tracing, 2_000)
    assert time.monotonic() - began < 2, "no span waits for the collector"
    tracing.shut_down()
    assert time.monotonic() - began < 10
    (counts,) = tracing.export_counts
    assert (counts.failed, counts.exported) == (2_000, 0)
    lines = [line for line in capfd.readouterr().err.splitlines() if "span" in line.lower()]
    assert len(lines) == 1
    logging.getLogger().handlers[:] = []


def test_a_file_of_spans_is_its_owners_alone(tmp_path: Path) -> None:
    tracing = setup_tracing("samvad", "1", TraceTarget(file=tmp_path / "spans.jsonl"))
    end_spans(tracing, 1)
    tracing.shut_down()
    assert (tmp_path / "spans.jsonl").stat().st_mode & 0o777 == 0o600
    assert len((tmp_path / "spans.jsonl").read_text().splitlines()) == 1


def a_batch() -> list[ReadableSpan]:
    return [ReadableSpan("claim turn")]
