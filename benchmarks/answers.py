"""One answer as its reader saw it. Pure; times are monotonic nanoseconds, comparable between processes of a machine."""

from dataclasses import dataclass, field
from itertools import pairwise


class AnswerBroke(RuntimeError):
    """An answer did not end as it should; the figures would mean nothing."""


@dataclass(slots=True)
class Answer:
    """`marker` stands in the question, so that the provider's record can be found; `shown_ns` are the arrivals of text:
    deltas through the system, chunks from the provider. `frames` counts every frame of the system, and
    `shown_before_switch` the deltas before another model went on (0: none did)."""

    marker: str
    sent_ns: int
    turn_id: str = ""
    accepted_ns: int = 0
    shown_ns: list[int] = field(default_factory=list)
    frames: int = 0
    stop_sent_ns: int = 0
    shown_before_switch: int = 0

    @property
    def first_token_ms(self) -> float:
        """From the question's sending to its first text."""
        return (self.shown_ns[0] - self.sent_ns) / 1e6

    @property
    def gaps_ms(self) -> list[float]:
        """Between one piece of text and the next."""
        return [(after - before) / 1e6 for before, after in pairwise(self.shown_ns)]
