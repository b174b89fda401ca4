"""The last span of an attempt: `finish turn` if it ends the turn, `leave turn` if somebody else goes on with it."""

from collections.abc import Iterator
from contextlib import contextmanager

from opentelemetry.trace import Span

from consumers.attempt import Attempt
from consumers.outcomes import Ending, Failed, Outcome
from observability import conventions as c
from observability.turn_trace import Attribute, mark_failed, spanning


@contextmanager
def outcome_told(attempt: Attempt, outcome: Outcome) -> Iterator[Span]:
    """A span around what an outcome leads to. A turn that failed is one that failed here, by its code."""
    told: dict[str, Attribute] = {
        c.TURN: attempt.row.turn_id,
        c.USER: attempt.row.user_id,
        c.ATTEMPT: attempt.row.attempt,
        c.MODEL_ALIAS: attempt.model,
        c.OUTCOME: type(outcome).__name__.lower(),
    }
    name = c.FINISH if isinstance(outcome, Ending) else c.LEAVE
    with spanning(attempt.place.start(name, attributes=told)) as span:
        if isinstance(outcome, Failed):
            mark_failed(span, outcome.code)
        yield span
