"""What tracing costs: CPU of one turn's spans, those of edge and worker together, as the steps write them.

`python -m benchmarks.trace_cost [http://127.0.0.1:4318]`: sampled (and sent to the collector, if one is named), not
sampled, and without a target. CPU of the whole process, so encoding and sending are in it.
"""

import sys
import time

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from consumers.claiming import Take
from consumers.processing import processing, traced_turn
from consumers.taking import TakenRequest
from observability import conventions as c
from observability.span_export import BoundedBatches, to_collector
from observability.tracing import Tracing, untraced
from observability.turn_trace import spanning
from schemas.headers import ReplyAddress
from schemas.ids import new_id, seq_of, turn_id_of
from schemas.requests import Ask
from store.rows import TurnRow
from ws_edge.turn_spans import TurnSpans

TURNS = 2_000


class Nowhere(SpanExporter):
    """Takes everything and sends nothing."""

    def export(self, spans: object) -> SpanExportResult:
        return SpanExportResult.SUCCESS


def microseconds_per_turn(tracing: Tracing) -> float:
    """CPU, with what the exporter's thread does."""
    began = time.process_time()
    for _ in range(TURNS):
        _one_turn(tracing)
    tracing.shut_down()
    return (time.process_time() - began) / TURNS * 1e6


def _one_turn(tracing: Tracing) -> None:
    request = _request()
    trace = tracing.turn(request.turn_id)
    with spanning(trace.start_root(c.RECEIVE_SEND, {c.TURN: request.turn_id, c.USER: request.user_id})):
        sending = trace.root().start(c.PRODUCE_REQUEST, attributes={c.SYSTEM: "kafka", c.TURN: request.turn_id})
        with spanning(sending):
            traceparent = trace.root().below(sending).traceparent
    _answer(tracing, TakenRequest(request, traceparent, int(time.time() * 1000)))
    spans = TurnSpans(tracing)
    for kind, n in (("delta", 1), ("completed", 9)):
        address = ReplyAddress(kind, request.conversation_id, request.turn_id, seq_of(1, n))
        spans.handed_over(address, int(time.time() * 1000), 1)


def _answer(tracing: Tracing, taken: TakenRequest) -> None:
    request = taken.request
    row = TurnRow(
        turn_id=request.turn_id,
        user_id=request.user_id,
        conversation_id=request.conversation_id,
        version=1,
        attempt=1,
    )
    with traced_turn(tracing, taken) as trace, processing(trace, taken) as look:
        look.claimed(Take(row, None))
        for name in (c.CONTEXT, f"{c.CHAT} model", c.FIRST_TOKEN, c.FINISH):
            look.place.start(name, attributes={c.MODEL_ALIAS: "fast", c.DEPLOYMENT: "d", c.ATTEMPT: 1}).end()


def _request() -> Ask:
    user_id, conversation_id, request_id = new_id(), new_id(), new_id()
    return Ask(
        user_id=user_id,
        conversation_id=conversation_id,
        turn_id=turn_id_of(user_id, conversation_id, request_id),
        request_id=request_id,
        text="hello",
        model="fast",
        accepted_at="2026-01-01T00:00:00Z",
    )


def main() -> None:
    collector = to_collector(sys.argv[1]) if len(sys.argv) > 1 else Nowhere()
    ways = {
        "sampled": Tracing(Resource.get_empty(), [BoundedBatches(collector)]),
        "not sampled": Tracing(Resource.get_empty(), [BoundedBatches(Nowhere())], ratio=0.0),
        "no target": untraced(),
    }
    for name, tracing in ways.items():
        print(f"{name:<12} {microseconds_per_turn(tracing):7.0f} µs of CPU per turn")


if __name__ == "__main__":
    main()
