"""The edge's part of a turn's trace after the question was accepted: stopping it, coming back to it, and its answer
on the way to a socket.

In: what happened, and when it began. Out: spans that are ended already; none for each frame or session (O4). They find
their trace by the turn's id alone, so any edge can write them, days later too.
"""

import time
from dataclasses import dataclass

from opentelemetry.trace import SpanKind

from observability import conventions as c
from observability.tracing import Tracing
from observability.turn_trace import Attribute
from schemas.headers import ReplyAddress
from schemas.ids import attempt_of, n_of
from schemas.topics import REPLIES
from ws_edge.turn_in_flight import TERMINAL_STATUS


@dataclass(frozen=True, slots=True)
class Resumed:
    """What a session that came back was given of a turn: `frames`, one `snapshot`, or `nothing yet`."""

    turn_id: str
    given: str
    source: str
    frames: int = 0


class TurnSpans:
    """Writes them."""

    def __init__(self, tracing: Tracing) -> None:
        self._tracing = tracing

    def handed_over(self, address: ReplyAddress, written_at_ms: int, sessions: int) -> None:
        """A frame went to `sessions` sessions here. Only an attempt's first delta and the end are worth a span."""
        name = _name_of(address)
        if name is None or address.turn_id is None or address.seq is None:
            return
        place = self._tracing.turn(address.turn_id).attempt(attempt_of(address.seq))
        if place.is_sampled:
            told = _describe(address, sessions)
            # The broker's clock may be ahead of ours.
            start_ns = min(written_at_ms * 1_000_000, time.time_ns())
            place.start(name, SpanKind.CONSUMER, told, start_ns).end()

    def stopped(self, turn_id: str, user_id: str, outcome: str, began_ns: int) -> None:
        """A user's stop was carried out as far as an edge can. Only for a turn that is known to be this user's."""
        told: dict[str, Attribute] = {c.TURN: turn_id, c.USER: user_id, c.OUTCOME: outcome}
        self._tracing.turn(turn_id).root().start(c.STOP, attributes=told, start_ns=began_ns).end()

    def resumed(self, resumed: Resumed, user_id: str, began_ns: int) -> None:
        """A session that watches again was answered."""
        told: dict[str, Attribute] = {
            c.TURN: resumed.turn_id,
            c.USER: user_id,
            c.RESUME_WITH: resumed.given,
            c.RESUME_SOURCE: resumed.source,
            c.FRAMES: resumed.frames,
        }
        self._tracing.turn(resumed.turn_id).root().start(c.RESUME, attributes=told, start_ns=began_ns).end()


def _name_of(address: ReplyAddress) -> str | None:
    if address.kind in TERMINAL_STATUS:
        return c.DELIVER_END
    is_first_delta = address.kind == "delta" and n_of(address.seq or 0) == 1
    return c.DELIVER_FIRST if is_first_delta else None


def _describe(address: ReplyAddress, sessions: int) -> dict[str, Attribute]:
    return {
        c.SYSTEM: "kafka",
        c.OPERATION: "deliver",
        c.OPERATION_TYPE: "process",
        c.DESTINATION: REPLIES.name,
        c.GEN_AI_CONVERSATION: address.conversation_id,
        c.TURN: address.turn_id or "",
        c.ATTEMPT: attempt_of(address.seq or 0),
        c.FRAME_KIND: address.kind,
        c.SEQ: address.seq or 0,
        c.SESSIONS: sessions,
    }
