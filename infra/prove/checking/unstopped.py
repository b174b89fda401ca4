"""*unstopped*: a stop did not stop (G8).

A stop is a client's, or a question with `on_busy: interrupt` that was asked after the turn was accepted. It must have
worked after STOP_SECONDS of calm (`calm.py`): the client asks again over a broken connection, and what is broken for
everybody, or where the turn runs, is no lost stop. Exactly, for a turn with a stop:
- it ended as `completed` or `failed`, and the first client that was told so was told after that time;
- a provider's call for it began after that time, or was still open then;
- a client, or the topic in the same attempt, has more of it after its `stopped`.
And for any ended turn: a call whose connection was still open when all was over.
Not unstopped: a stop that lost the race against the end.
"""

from collections.abc import Iterator

from infra.prove.checking.calm import Calm
from infra.prove.checking.case import Case
from infra.prove.checking.irregular import Kind
from infra.prove.checking.turns import Conversation, History, Turn
from infra.prove.checking.violations import Finding, Violation
from schemas.statuses import TurnStatus

STOP_SECONDS = 10.0
"""Far above what a stop takes (0.3 s), for machines that are busy proving."""


class Stops:
    """The rule, with what it must know of the whole history: how calm it was, and which questions interrupted."""

    def __init__(self, calm: Calm, history: History) -> None:
        self._calm = calm
        self._interrupting: dict[Conversation, list[Turn]] = {}
        for turn in history.turns.values():
            if turn.asked is not None and turn.asked.on_busy == "interrupt" and turn.accepted_at is not None:
                where = (turn.asked.user_id, turn.asked.conversation_id)
                self._interrupting.setdefault(where, []).append(turn)

    def find_unstopped(self, case: Case) -> Iterator[Finding]:
        """At most one for each thing that went on."""
        if case.was_stopped:
            for late in case.of_kind(Kind.AFTER_END):
                yield case.finding(Violation.UNSTOPPED, late)
        if case.finish is not None and any(call.closed_at is None for call in case.turn.calls):
            yield case.finding(Violation.UNSTOPPED, "a provider's call is open although the turn ended")
        limit = min(self._limits(case.turn), default=None)
        if limit is not None:
            yield from _went_on(case, limit)

    def _limits(self, turn: Turn) -> Iterator[float]:
        """When each stop must have worked. An interrupting question waits for whoever takes its record."""
        for stop in turn.stops:
            yield self._calm.since(stop, STOP_SECONDS, turn.turn_id)
        where = ("", "") if turn.asked is None else (turn.asked.user_id, turn.asked.conversation_id)
        for later in self._interrupting.get(where, []):
            assert later.asked is not None and later.accepted_at is not None
            # The log's order decides: only what was accepted before the question was asked is surely before it.
            if turn.accepted_at is not None and turn.accepted_at < later.asked.at:
                yield self._calm.since(later.accepted_at, STOP_SECONDS)


def _went_on(case: Case, limit: float) -> Iterator[Finding]:
    told = [at for reading in case.clients.values() for at in reading.ends.values()]
    ended_otherwise = case.finish is not None and case.finish.status is not TurnStatus.STOPPED
    if ended_otherwise and told and min(told) > limit:
        yield case.finding(Violation.UNSTOPPED, f"it went on to its end, {min(told) - limit:.1f} s too long")
    for call in [] if case.turn.shares_calls else case.turn.calls:
        closed_at = call.closed_at
        if call.at > limit or closed_at is None or closed_at > limit:
            late = "never" if closed_at is None else f"{closed_at - limit:.1f} s too late"
            yield case.finding(Violation.UNSTOPPED, f"call {call.call_id} was closed {late}")
