"""How long users waited after a fault: from its beginning to the next frame of a turn that it hit.

In: the faults, each with the turns that ran where it hit, and the turns' frames at clients. Out: percentiles in
seconds, by kind of fault.

What was under way when the fault hit still arrives. So the next frame is the first one of a new attempt; without one,
the first after a silence of at least QUIET_SECONDS; without that too, the turn felt nothing: the first frame after the
fault. A turn that no frame followed is not counted: it is *unknown* or *lost*.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from infra.prove.checking.turns import History, Seen, Turn
from infra.prove.events import FaultBegan
from schemas.frames import Queued
from schemas.ids import attempt_of

QUIET_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Percentiles:
    """Of `count` waits, in seconds."""

    count: int
    p50: float
    p95: float
    p99: float
    longest: float


def recoveries(history: History) -> dict[str, Percentiles]:
    """By kind of fault, for those that hit a turn."""
    waits: dict[str, list[float]] = defaultdict(list)
    for fault in history.faults:
        for turn_id in fault.turns:
            turn = history.turns.get(turn_id)
            wait = None if turn is None else _wait_after(fault, turn)
            if wait is not None:
                waits[fault.fault].append(wait)
    return {fault: percentiles(seconds) for fault, seconds in sorted(waits.items())}


def percentiles(seconds: Sequence[float]) -> Percentiles:
    """Each is a value that occurred (nearest rank). Raises IndexError without any."""
    ordered = sorted(seconds)

    def rank(percent: int) -> float:
        return ordered[max(0, -(-percent * len(ordered) // 100) - 1)]

    return Percentiles(len(ordered), rank(50), rank(95), rank(99), ordered[-1])


def _wait_after(fault: FaultBegan, turn: Turn) -> float | None:
    frames = turn.seen.get("" if turn.asked is None else turn.asked.client, [])
    numbered = [seen for seen in frames if not isinstance(seen.frame, Queued)]
    after = [seen for seen in numbered if seen.at >= fault.at]
    if not after:
        return None
    before = [seen for seen in numbered if seen.at < fault.at]
    attempt = max((_attempt(seen) for seen in before), default=0)
    in_new_attempt = (seen.at for seen in after if _attempt(seen) > max(attempt, 1))
    moments = [fault.at, *(seen.at for seen in after)]
    after_silence = (later for earlier, later in pairwise(moments) if later - earlier >= QUIET_SECONDS)
    return next(in_new_attempt, next(after_silence, after[0].at)) - fault.at


def _attempt(seen: Seen) -> int:
    return 0 if isinstance(seen.frame, Queued) else attempt_of(seen.frame.seq)
