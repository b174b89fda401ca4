"""When which fault is put in: made from a seed, the same for the same seed. Pure.

In: kinds, seconds, a seed. Out: planned faults in order of time. Each lane goes through its kinds in rounds, every kind
once in a round, shuffled anew each time, with a pause of varying length after each.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from random import Random

from infra.prove.fault_kinds import MANNERS, FaultKind, Lane

FIRST_AT_SECONDS = 5.0
"""People get to talk before anything breaks."""
PAUSES_SECONDS = {Lane.SERVERS: (10.0, 16.0), Lane.PROCESSES: (3.0, 8.0), Lane.OTHERS: (3.0, 8.0)}
"""Between two faults of a lane. While a server is away hardly anything moves: what waited needs time to go on."""


@dataclass(frozen=True, slots=True)
class PlannedFault:
    """`at_seconds` after the load began, at the earliest. `seed` chooses whom it hits, and how."""

    at_seconds: float
    kind: FaultKind
    seed: int


def schedule(kinds: Collection[FaultKind], seconds: float, seed: int) -> list[PlannedFault]:
    """As many as fit into the time, but every kind at least once."""
    planned = [fault for lane in Lane for fault in _of_lane(lane, kinds, seconds, seed)]
    return sorted(planned, key=lambda fault: fault.at_seconds)


def _of_lane(lane: Lane, kinds: Collection[FaultKind], seconds: float, seed: int) -> Iterator[PlannedFault]:
    mine = [kind for kind in FaultKind if kind in kinds and MANNERS[kind].lane is lane]
    random = Random(f"{seed}/{lane}")
    at_seconds = FIRST_AT_SECONDS
    for number, kind in enumerate(_rounds(mine, random)):
        if number >= len(mine) and at_seconds + MANNERS[kind].seconds > seconds:
            return
        yield PlannedFault(round(at_seconds, 1), kind, random.getrandbits(32))
        at_seconds += MANNERS[kind].seconds + random.uniform(*PAUSES_SECONDS[lane])


def _rounds(kinds: list[FaultKind], random: Random) -> Iterator[FaultKind]:
    while kinds:
        yield from random.sample(kinds, len(kinds))
