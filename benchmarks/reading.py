"""A turn as its reader sees it, and what a fault in the middle of it means for that reader. Pure.

Times are this process's monotonic seconds.
"""

from dataclasses import dataclass, field
from typing import NamedTuple

from schemas.ids import attempt_of

SURELY_ALIVE_SECONDS = 1.5
"""An attempt that still shows frames so long after its worker was killed runs elsewhere."""


class Arrival(NamedTuple):
    """One frame."""

    at: float
    attempt: int
    is_text: bool


@dataclass(frozen=True, slots=True)
class Resumed:
    """How long a reader waited for a turn that another worker went on with: from the fault to the new attempt's first
    frame and first text, and from the last frame of the attempt before it.
    """

    frame_seconds: float
    text_seconds: float
    pause_seconds: float


@dataclass(slots=True)
class Reading:
    """Its frames so far."""

    arrivals: list[Arrival] = field(default_factory=list)
    has_ended: bool = False

    def note(self, at: float, seq: int, *, is_text: bool) -> None:
        """One more frame. What the edge says before the first attempt is none of the worker's."""
        if (attempt := attempt_of(seq)) > 0:
            self.arrivals.append(Arrival(at, attempt, is_text))

    @property
    def is_under_way(self) -> bool:
        return not self.has_ended and any(arrival.is_text for arrival in self.arrivals)

    def attempt_at(self, at: float) -> int:
        """The newest attempt that was shown by then; 0 for none."""
        return max((arrival.attempt for arrival in self.arrivals if arrival.at <= at), default=0)

    def resumed(self, fault_at: float) -> Resumed | None:
        """How it went on in a later attempt; None if it did not, so far."""
        before = self.attempt_at(fault_at)
        later = [arrival for arrival in self.arrivals if arrival.attempt > before]
        texts = [arrival.at for arrival in later if arrival.is_text]
        if not before or not texts:
            return None
        last = max(arrival.at for arrival in self.arrivals if arrival.attempt == before)
        return Resumed(later[0].at - fault_at, texts[0] - fault_at, later[0].at - last)

    def was_spared(self, fault_at: float, over_at: float) -> bool:
        """True once it is sure that the fault, over by `over_at`, hit another worker."""
        before = self.attempt_at(fault_at)
        if self.has_ended or not before:
            return True
        alive = [arrival.at for arrival in self.arrivals if arrival.attempt == before]
        return max(alive) > over_at + SURELY_ALIVE_SECONDS
