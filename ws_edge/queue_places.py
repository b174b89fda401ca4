"""Why an unstarted turn does not start yet, and when it may: what a `queued` frame of an edge says (DESIGN 6.2). Pure.

In: the turns in flight and the time. Out: the frame. `position` 1 is next; `eta_ms` 0 means that nobody can tell.
"""

from schemas.frames import Queued
from ws_edge.turn_in_flight import TurnInFlight
from ws_edge.turns_in_flight import TurnsInFlight
from ws_edge.waiting_lines import Place

CONVERSATION_BUSY = "conversation_busy"
"""An earlier turn of the same conversation is open: position counts those."""
WAITING_FOR_WORKER = "waiting_for_worker"
"""No worker has taken it, or it is full: position counts who may start before it in its partition."""
WORKERS_WORD_SECONDS = 65.0
"""A worker that holds a turn back says why, and again at least every 60 s: it knows better."""

NEXT = Place(1, None)


def queued_frame(turn: TurnInFlight, turns: TurnsInFlight, now: float) -> Queued | None:
    """What to tell about a turn that has not started; None while a worker speaks for it."""
    if turn.worker_spoke_at is not None and now - turn.worker_spoke_at < WORKERS_WORD_SECONDS:
        return None
    earlier = turns.before(turn)
    if earlier:
        return _queued(turn, len(earlier), _seconds_until_ended(earlier, turns, now), CONVERSATION_BUSY)
    place = turns.lines.place(turn.turn_id, now) or NEXT
    return _queued(turn, place.position, place.seconds, WAITING_FOR_WORKER)


def _queued(turn: TurnInFlight, position: int, seconds: float | None, reason: str) -> Queued:
    return Queued(
        conversation_id=turn.conversation_id,
        turn_id=turn.turn_id,
        attempt=1,
        position=position,
        eta_ms=round(1000 * (seconds or 0)),
        reason=reason,
    )


def _seconds_until_ended(earlier: list[TurnInFlight], turns: TurnsInFlight, now: float) -> float | None:
    """The rest of the first one's typical time, and the whole of the others'; before it, what it waits itself."""
    typical, first = turns.lines.turn_seconds.seconds, earlier[0]
    if typical is None:
        return None
    waits = turns.lines.place(first.turn_id, now)
    before = (waits.seconds or 0.0) if waits is not None else 0.0
    ran = 0.0 if first.started_at is None else now - first.started_at
    return before + max(0.0, typical - ran) + typical * (len(earlier) - 1)
