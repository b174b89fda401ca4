"""*unstopped*: a stop did not stop (G8).

A stop is a client's, or a later question of the conversation that was accepted with `on_busy: interrupt`. It must have
worked after STOP_SECONDS of calm (`calm.py`): the client asks again over a broken connection, and what is broken for
everybody is no lost stop. Exactly, for a turn with a stop:
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
from infra.prove.checking.violations import Finding, Violation
from schemas.statuses import TurnStatus

STOP_SECONDS = 10.0
"""Far above what a stop takes (0.3 s), for machines that are busy proving."""


class Stops:
    """The rule, with what it must know of the whole history: how calm it was, and which questions interrupted."""

    def __init__(self, calm: Calm, interrupts: dict[tuple[str, str], list[tuple[int, float]]]) -> None:
        self._calm = calm
        self._interrupts = interrupts

    def find_unstopped(self, case: Case) -> Iterator[Finding]:
        """At most one for each thing that went on."""
        if case.was_stopped:
            for late in case.of_kind(Kind.AFTER_END):
                yield case.finding(Violation.UNSTOPPED, late)
        if case.finish is not None and any(call.closed_at is None for call in case.turn.calls):
            yield case.finding(Violation.UNSTOPPED, "a provider's call is open although the turn ended")
        asked_at = self._first_stop(case)
        if asked_at is not None:
            limit = self._calm.since(asked_at, STOP_SECONDS, case.turn.turn_id)
            yield from self._went_on(case, asked_at, limit)

    def _first_stop(self, case: Case) -> float | None:
        asked = case.turn.asked
        stops = list(case.turn.stops)
        if asked is not None:
            later = self._interrupts.get((asked.user_id, asked.conversation_id), [])
            stops += [at for number, at in later if number > asked.number]
        return min(stops, default=None)

    def _went_on(self, case: Case, asked_at: float, limit: float) -> Iterator[Finding]:
        told = [at for reading in case.clients.values() for at in reading.ends.values()]
        ended_otherwise = case.finish is not None and case.finish.status is not TurnStatus.STOPPED
        if ended_otherwise and told and min(told) > limit:
            yield case.finding(Violation.UNSTOPPED, f"it went on to its end for {min(told) - asked_at:.1f} s")
        for call in [] if case.turn.shares_calls else case.turn.calls:
            closed_at = call.closed_at
            if call.at > limit or closed_at is None or closed_at > limit:
                seconds = "never" if closed_at is None else f"{closed_at - asked_at:.1f} s after the stop"
                yield case.finding(Violation.UNSTOPPED, f"call {call.call_id} was closed {seconds}")
