"""What is asked of how many workers, before a schedule says in which order it happens."""

import random
from dataclasses import dataclass

from hypothesis import strategies as st

from schemas.models_file import OnFault

USER = "11111111-1111-4111-8111-111111111111"
COMPLETES, FAULTS, CUT_OFF, SWITCHES = range(4)


@dataclass(frozen=True)
class Send:
    """One question: in which conversation, and how the model answers it: after so many pieces, by which end."""

    conversation: int = 0
    interrupts: bool = False
    pieces: int = 1
    ending: int = COMPLETES

    @property
    def conversation_id(self) -> str:
        return f"cccccccc-cccc-4ccc-8ccc-{self.conversation:012}"


@dataclass(frozen=True)
class Scenario:
    """`schedule`: a byte for each choice; after the last one, nothing more goes wrong. `faults`: at most so many, and
    only of those whose names have one of the words in `mishaps`, if it has any.
    """

    sends: tuple[Send, ...]
    workers: int = 1
    partitions: int = 1
    max_running: int = 1
    faults: int = 0
    mishaps: tuple[str, ...] = ()
    turn_seconds: float = 600.0
    on_takeover: OnFault = OnFault.RESTART
    schedule: bytes = b""


ANY: tuple[str, ...] = ()
DEATHS = ("dies", "joins")
SLEEP = ("freezes", "wakes up", "rebalance")
STOPS = ("stop", "again", "unknown", "late")

SENDS = st.builds(
    Send,
    conversation=st.integers(0, 1),
    interrupts=st.booleans(),
    pieces=st.integers(0, 3),
    ending=st.sampled_from((COMPLETES, FAULTS, CUT_OFF, SWITCHES)),
)
SCENARIOS = st.builds(
    Scenario,
    sends=st.lists(SENDS, min_size=1, max_size=4).map(tuple),
    workers=st.integers(1, 3),
    partitions=st.integers(1, 2),
    max_running=st.integers(1, 3),
    faults=st.integers(0, 8),
    mishaps=st.sampled_from((ANY, DEATHS, SLEEP, STOPS)),
    turn_seconds=st.sampled_from((600.0, 12.0)),
    on_takeover=st.sampled_from(list(OnFault)),
    schedule=st.binary(max_size=160),
)


def scenario_of(seed: int) -> Scenario:
    """The scenario of a number, always the same."""
    chance = random.Random(seed)
    return Scenario(
        sends=tuple(_send_of(chance) for _ in range(chance.choice((1, 2, 2, 3, 3, 4)))),
        workers=chance.choice((1, 2, 2, 3)),
        partitions=chance.choice((1, 1, 2)),
        max_running=chance.randint(1, 3),
        faults=chance.randint(0, 8),
        mishaps=chance.choice((ANY, ANY, DEATHS, SLEEP, STOPS)),
        turn_seconds=chance.choice((600.0, 600.0, 600.0, 12.0)),
        on_takeover=chance.choice((OnFault.RESTART, OnFault.CONTINUE, OnFault.CONTINUE, OnFault.FAIL)),
        schedule=chance.randbytes(chance.choice((30, 60, 100))),
    )


def _send_of(chance: random.Random) -> Send:
    ending = chance.choice((COMPLETES, COMPLETES, COMPLETES, SWITCHES, FAULTS, CUT_OFF))
    return Send(chance.choice((0, 0, 0, 1)), chance.random() < 0.25, chance.randint(0, 3), ending)
