"""May this turn begin now? By its user's pace, and by how much waits for workers already. Pure but for the jitter.

In: the request, the turns in flight, how many are about to be opened here, and the time. Out: a refusal with the time
after which another try may go better; or None. Nothing was produced by then, so `rejected` is true (DESIGN 4).
"""

import random
from collections.abc import Callable
from dataclasses import dataclass
from math import ceil

from schemas.errors import ErrorCode
from schemas.requests import ChatRequest
from schemas.topics import request_key
from ws_edge.admission import refusal_now
from ws_edge.coming_back import SOON_MS
from ws_edge.turn_pace import TurnPace
from ws_edge.turns_in_flight import TurnsInFlight

LATER_SECONDS = 5.0
"""The least where all wait for workers: who comes back sooner only asks once more."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why not, and after how many milliseconds another try may go better, where time helps."""

    code: ErrorCode
    retry_after_ms: int | None = None


@dataclass(frozen=True, slots=True)
class AdmissionRules:
    """0: no such limit; `max_open_turns` is always one."""

    max_open_turns: int
    max_waiting_turns: int
    max_wait_seconds: float


@dataclass(frozen=True, slots=True)
class AboutToOpen:
    """Turns that the broker or the store is asked about at this moment: of the user, and of all."""

    of_user: int
    in_all: int


class Admission:
    """Decides. `draw` makes the jitter: those who were refused together should not come back together."""

    def __init__(
        self, rules: AdmissionRules, pace: TurnPace, draw: Callable[[float, float], float] = random.uniform
    ) -> None:
        self._rules = rules
        self._pace = pace
        self._draw = draw

    def refusal(self, request: ChatRequest, turns: TurnsInFlight, opening: AboutToOpen, now: float) -> Refusal | None:
        """What is the user's own doing comes first."""
        code = refusal_now(request, turns, self._rules.max_open_turns - opening.of_user)
        if code is not None:
            return Refusal(code, SOON_MS if code is ErrorCode.OVERLOADED else None)
        seconds = self._pace.seconds_until_next(request.user_id, opening.of_user, now)
        if seconds is not None:
            return Refusal(ErrorCode.TOO_MANY_REQUESTS, _ms(seconds))
        return self._refusal_by_queue(request, turns, opening, now)

    def _refusal_by_queue(
        self, request: ChatRequest, turns: TurnsInFlight, opening: AboutToOpen, now: float
    ) -> Refusal | None:
        key = request_key(request.user_id, request.conversation_id)
        wait, most = turns.lines.place_of_next(key, now).seconds or 0.0, self._rules.max_wait_seconds
        if 0 < most < wait:
            return Refusal(ErrorCode.OVERLOADED, self._some_time_after(wait - most))
        if 0 < self._rules.max_waiting_turns <= turns.lines.total_waiting + opening.in_all:
            return Refusal(ErrorCode.OVERLOADED, self._some_time_after(wait))
        return None

    def _some_time_after(self, seconds: float) -> int:
        """At least so much, and up to twice that."""
        least = max(LATER_SECONDS, seconds)
        return _ms(self._draw(least, 2 * least))


def _ms(seconds: float) -> int:
    return max(1, ceil(seconds * 1000))
