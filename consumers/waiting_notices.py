"""What a waiting turn's user is told: `queued` frames, at once, then at most once a second and at least every minute.

They have no seq and need no acknowledgement: one that is lost is followed by another.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from producers.errors import NotAttempted
from schemas.frames import Queued, ServerFrame
from store.rows import TurnRow

Publish = Callable[[str, ServerFrame], object]

SECONDS_BETWEEN = 1.0
LONGEST_SILENCE_SECONDS = 50.0
"""Well within the minute after which a turn counts as forgotten."""
NEWS_SHARE = 10
"""A position is news when it changed by a tenth: 400 turns that move up by one each second would be 400 frames."""


@dataclass(slots=True)
class Notices:
    """Tells of one turn's waiting; `row` is its claim."""

    publish: Publish
    row: TurnRow
    told_at: float = float("-inf")
    position: int = 0
    reason: str = ""

    def tell(self, position: int, eta_ms: int, reason: str, now: float) -> None:
        """Publishes how the turn stands, if that is news. `now`: seconds of a clock that never steps."""
        if not self._is_news(position, reason, now):
            return
        self.told_at, self.position, self.reason = now, position, reason
        frame = Queued(
            conversation_id=self.row.conversation_id,
            turn_id=self.row.turn_id,
            attempt=self.row.attempt,
            position=position,
            eta_ms=eta_ms,
            reason=reason,
        )
        with suppress(NotAttempted):  # the writer is full; the next notice will do
            self.publish(self.row.user_id, frame)

    def _is_news(self, position: int, reason: str, now: float) -> bool:
        silence_seconds = now - self.told_at
        if silence_seconds < SECONDS_BETWEEN or silence_seconds >= LONGEST_SILENCE_SECONDS:
            return silence_seconds >= LONGEST_SILENCE_SECONDS
        return reason != self.reason or abs(position - self.position) * NEWS_SHARE >= self.position
