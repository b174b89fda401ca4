"""How soon and how steadily people see answers. Pure.

In: the moments at which a turn was accepted here and at which its deltas were handed to sessions. Out: the time to the
first one, and the gaps after it; a takeover by another worker is a gap too, for people wait through it.
"""

from collections.abc import Callable

from ws_edge.turn_in_flight import TurnInFlight

Observe = Callable[[float], None]


def _nobody(_: float) -> None:
    """For an edge that nobody measures."""


class Pace:
    """Each delta costs one observation, however many sessions it goes to."""

    def __init__(self, first_delta: Observe = _nobody, gap: Observe = _nobody) -> None:
        self._first_delta = first_delta
        self._gap = gap

    def accepted(self, turn: TurnInFlight | None, now: float) -> None:
        """None: it has ended already."""
        if turn is not None:
            turn.accepted_at = now

    def delta(self, turn: TurnInFlight | None, now: float) -> None:
        """A delta was handed to everybody who watches."""
        if turn is None:
            return
        if turn.delta_at is not None:
            self._gap(now - turn.delta_at)
        elif turn.accepted_at is not None:
            self._first_delta(now - turn.accepted_at)
        turn.delta_at = now
