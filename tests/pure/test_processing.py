"""How the span of a taken record ends when its turn does not come as far as its model."""

import asyncio

import pytest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from consumers.processing import processing, traced_turn
from consumers.taking import TakenRequest
from observability.tracing import Tracing
from schemas.ids import new_id
from schemas.requests import Ask


async def span_of_one_that_ends_with(error: BaseException) -> ReadableSpan:
    spans = InMemorySpanExporter()
    tracing = Tracing(Resource.get_empty(), [SimpleSpanProcessor(spans)])
    request = Ask(
        user_id="u", conversation_id="c", turn_id=new_id(), request_id="r", text="", model="fast", accepted_at="now"
    )
    taken = TakenRequest(request, None, 0)
    with pytest.raises(type(error)), traced_turn(tracing, taken) as trace, processing(trace, taken):
        raise error
    (span,) = spans.get_finished_spans()
    return span


async def test_a_turn_that_is_let_go_while_it_waits_is_no_failure() -> None:
    span = await span_of_one_that_ends_with(asyncio.CancelledError())
    assert span.status.status_code is StatusCode.UNSET
    assert dict(span.attributes or {})["samvad.outcome"] == "let go"
    assert "error.type" not in (span.attributes or {})


async def test_a_bug_before_the_claim_is_told_by_its_kind() -> None:
    span = await span_of_one_that_ends_with(ValueError("said by a user"))
    assert span.status.status_code is StatusCode.ERROR
    assert dict(span.attributes or {})["error.type"] == "ValueError"
