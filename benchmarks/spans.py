"""The traces that edge and worker wrote, as moments of each turn.

In: their files of spans, one JSON object a line, with wall-clock times. Out: by turn id, its spans by name, in
monotonic nanoseconds like every other time here (one offset, taken once: a run is too short for clocks to drift).
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from observability import conventions as c

EXPORT_SECONDS = 10.0
LAST = {c.FINISH, c.RECEIVE_SEND, c.DELIVER_FIRST}
"""Of each process, the spans of a turn that end last."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class SpanContext(msgspec.Struct):
    """Which trace a span belongs to."""

    trace_id: str


class Span(msgspec.Struct):
    """One span, as far as it is needed here."""

    name: str
    context: SpanContext
    start_time: datetime
    end_time: datetime
    attributes: dict[str, str | int | float | bool | list[str]]


TurnSpans = dict[str, Span]
"""A turn's spans by name; the provider attempt's is just `chat`."""

_span: msgspec.json.Decoder[Span] = msgspec.json.Decoder(Span)


class Clock:
    """Turns wall-clock times into monotonic ones."""

    def __init__(self) -> None:
        self._offset_ns = time.time_ns() - time.monotonic_ns()

    def monotonic_ns(self, moment: datetime) -> int:
        """In microsecond steps, which is what spans are written with."""
        return (moment - _EPOCH) // timedelta(microseconds=1) * 1000 - self._offset_ns


async def spans_of_turns(files: Sequence[Path], turn_ids: Collection[str]) -> dict[str, TurnSpans]:
    """The spans of these turns, once all of them were written: exporters send once a second. Raises TimeoutError."""
    async with asyncio.timeout(EXPORT_SECONDS):
        while True:
            found = await asyncio.to_thread(_by_turn, files)
            if all(found.get(turn_id, {}).keys() >= LAST for turn_id in turn_ids):
                return {turn_id: found[turn_id] for turn_id in turn_ids}
            await asyncio.sleep(0.2)


def _by_turn(files: Sequence[Path]) -> dict[str, TurnSpans]:
    traces: defaultdict[str, TurnSpans] = defaultdict(dict)
    for span in _spans(files):
        traces[span.context.trace_id][c.CHAT if span.name.startswith(c.CHAT + " ") else span.name] = span
    taken = [spans for spans in traces.values() if c.PROCESS_REQUEST in spans]
    return {str(spans[c.PROCESS_REQUEST].attributes[c.TURN]): spans for spans in taken}


def _spans(files: Sequence[Path]) -> Iterator[Span]:
    for file in files:
        content = file.read_bytes()
        for line in content[: content.rfind(b"\n") + 1].splitlines():
            yield _span.decode(line)
