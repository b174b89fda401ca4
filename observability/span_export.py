"""Spans on their way out: in batches from a thread of their own, bounded, counted, and quiet when nobody takes them.

In: ended spans. Out: OTLP over HTTP, or JSON lines. A collector that is away costs a bounded number of waiting spans,
one warning when it goes and one line when it is back (O5); it never slows a turn.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import structlog
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor
from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter, SpanExporter, SpanExportResult

log = structlog.get_logger(__name__)

MAX_WAITING_SPANS = 16_384
"""At some 2 KB each, about 20 s of 100 turns a second."""
SEND_EVERY_MS = 500
"""What a killed process may lose of the spans it had ended (O3)."""
SEND_SECONDS = 5.0
"""For one batch, with the library's own retries."""


@dataclass(slots=True)
class ExportCounts:
    """Spans since the start. `dropped`: no room; `failed`: nobody took them. Plain numbers, for whoever shows them."""

    ended: int = 0
    exported: int = 0
    failed: int = 0
    dropped: int = 0


class CountedExporter(SpanExporter):
    """Hands batches to an exporter and counts what became of them. Called from the sender's thread only."""

    def __init__(self, exporter: SpanExporter, counts: ExportCounts) -> None:
        self._exporter = exporter
        self._counts = counts
        self._is_away = False
        self.is_closing = False
        self.handed_over = 0

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        self.handed_over += len(spans)
        result = self._try(spans)
        if result is SpanExportResult.SUCCESS:
            self._counts.exported += len(spans)
        else:
            self._counts.failed += len(spans)
        self._note(result is not SpanExportResult.SUCCESS)
        return result

    def shutdown(self) -> None:
        self._exporter.shutdown()

    def _try(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        if self.is_closing and self._is_away:
            return SpanExportResult.FAILURE  # a process that ends waits for one batch at the most
        try:
            return self._exporter.export(spans)
        except Exception as error:  # the edge to a library's thread, which a bug must not end
            log.warning("span_exporter_broke", error_type=type(error).__name__)
            return SpanExportResult.FAILURE

    def _note(self, is_away: bool) -> None:
        """Once when it goes, once when it is back."""
        if is_away and not self._is_away:
            log.warning("spans_not_taken", failed=self._counts.failed, waiting_at_most=MAX_WAITING_SPANS)
        elif self._is_away and not is_away:
            log.info("spans_taken_again", failed=self._counts.failed, dropped=self._counts.dropped)
        self._is_away = is_away


class BoundedBatches(SpanProcessor):
    """Batches spans; what has no room is dropped here and counted, because the library's own queue does not count."""

    def __init__(self, exporter: SpanExporter, max_waiting: int = MAX_WAITING_SPANS) -> None:
        self.counts = ExportCounts()
        self._max_waiting = max_waiting
        self._exporter = CountedExporter(exporter, self.counts)
        self._batches = BatchSpanProcessor(
            self._exporter,
            max_queue_size=max_waiting,
            schedule_delay_millis=SEND_EVERY_MS,
            max_export_batch_size=min(512, max_waiting),
        )

    def on_end(self, span: ReadableSpan) -> None:
        counts = self.counts
        waiting = counts.ended - counts.dropped - self._exporter.handed_over
        counts.ended += 1
        if waiting >= self._max_waiting:
            counts.dropped += 1
        else:
            self._batches.on_end(span)

    def shutdown(self) -> None:
        self._exporter.is_closing = True
        self._batches.shutdown()  # type: ignore[no-untyped-call]

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        return self._batches.force_flush(timeout_millis)


def to_collector(endpoint: str) -> SpanExporter:
    """OTLP over HTTP, to an address such as `http://127.0.0.1:4318`."""
    return OTLPSpanExporter(endpoint=f"{endpoint.rstrip('/')}/v1/traces", timeout=SEND_SECONDS)


def to_file(file: Path) -> SpanExporter:
    """One JSON object a line, readable by its owner only."""
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    lines = os.fdopen(descriptor, "a", encoding="utf-8")
    return _LinesOfJson(out=lines, formatter=lambda span: span.to_json(indent=None) + "\n")


class _LinesOfJson(ConsoleSpanExporter):
    def shutdown(self) -> None:
        self.out.close()
