"""The turns that wait for one model alias: who is next, when, and what to tell those behind. Pure.

In: visitors by user, and how the alias's deployments stand. Out: whom to let go now. Users take turns, and a user's
turns go in order. They are let go at the pace of the gates, because a crowd that is let go at once would be refused.
"""

from collections.abc import Iterator
from typing import Generic, TypeVar

from consumers.llm.gates import SHORTEST_INTERVAL_SECONDS, Standing
from consumers.round_robin import RoundRobin

V = TypeVar("V")


class WaitingRoom(Generic[V]):
    """One alias's."""

    def __init__(self) -> None:
        self._ring: RoundRobin[V] = RoundRobin()
        self._next_at = 0.0

    def __len__(self) -> int:
        return len(self._ring)

    def is_passed(self, standing: Standing) -> bool:
        """Whether a newcomer may ask without waiting: nobody else waits, and there is nothing to wait for."""
        return not self._ring and standing.wait_seconds <= 0

    def enter(self, user_id: str, visitor: V, is_back: bool = False) -> None:
        """`is_back`: it was let go, and was refused all the same."""
        (self._ring.put_back if is_back else self._ring.add)(user_id, visitor)

    def serve(self, user_id: str) -> None:
        """It was answered without having waited here."""
        self._ring.serve(user_id)

    def leave(self, user_id: str, visitor: V) -> None:
        """It waits no more; nothing, if it was let go."""
        self._ring.remove(user_id, visitor)

    def let_go(self, standing: Standing, now: float) -> V | None:
        """The next visitor, if it is due."""
        if self.due_in(standing, now) > 0:
            return None
        popped = self._ring.pop()
        if popped is None:
            return None
        self._next_at = now + _pause_seconds(standing)
        return popped[1]

    def due_in(self, standing: Standing, now: float) -> float:
        """Seconds until the next one may go. The pace may have become quicker since the last one went."""
        self._next_at = min(self._next_at, now + _pause_seconds(standing))
        return max(standing.wait_seconds, self._next_at - now)

    def outlook(self, standing: Standing) -> Iterator[tuple[V, int, int]]:
        """Every visitor with its position, from 1, and the milliseconds until it may go, as far as can be known."""
        for ahead, visitor in enumerate(self._ring.in_order()):
            eta_seconds = standing.wait_seconds + ahead * standing.interval_seconds
            yield visitor, ahead + 1, int(eta_seconds * 1_000)


def _pause_seconds(standing: Standing) -> float:
    return SHORTEST_INTERVAL_SECONDS if standing.has_more else standing.interval_seconds
