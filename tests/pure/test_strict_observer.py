"""The strict observer: silent about everything an edge may do, and loud about each thing it may not."""

import msgspec
import pytest

from samvad_client.connection import ServerSaid
from samvad_client.strict import StrictObserver
from schemas.codec import Unreadable
from schemas.errors import ErrorCode
from schemas.frames import Accepted, Ready, Watching, rejected_frame
from schemas.ids import seq_of
from schemas.statuses import TurnStatus
from tests.turn_frames import (
    CONVERSATION,
    REQUEST,
    TURN,
    asked,
    completed,
    delta,
    queued,
    reasoning,
    snapshot,
    started,
    stopped,
    switched,
)

READY = Ready("session", "user", {}, 30, "2030-01-01T00:00:00Z")
WATCHING = Watching(CONVERSATION, [], None)
ACCEPTED = Accepted(REQUEST, TURN)
DONE = TurnStatus.COMPLETED

HONEST: dict[str, list[ServerSaid]] = {
    "a plain turn": [READY, ACCEPTED, asked(), queued(), started(), delta(1, "a"), completed(2)],
    "frames before accepted": [READY, asked(), started(), ACCEPTED, delta(1, "a"), completed(2)],
    "a takeover": [READY, started(), delta(1, "a"), started(2), delta(1, "a", 2), completed(2, 2)],
    "a switch": [READY, started(), delta(1, "abc"), reasoning(2, "hm"), switched(3, 2), switched(4, 2), completed(5)],
    "a snapshot for a slow reader": [READY, started(), delta(1, "a"), snapshot(seq_of(1, 5), "abcde"), completed(6)],
    "an equal snapshot": [READY, started(), delta(1, "a"), snapshot(seq_of(1, 1), "a"), completed(2)],
    "a resume by frames": [READY, started(), delta(1, "a"), READY, WATCHING, delta(1, "a"), completed(2)],
    "a resume by an old snapshot": [
        READY, started(), delta(1, "a"), delta(2, "b"), READY, WATCHING, snapshot(seq_of(1, 1), "a"), delta(2, "b"),
    ],
    "a whole ended turn once more": [READY, started(), completed(1), READY, WATCHING, started(), completed(1)],
    "an end by snapshot once more": [READY, started(), completed(1), WATCHING, snapshot(seq_of(1, 1), "", DONE)],
    "a snapshot for a repeated send": [READY, started(), delta(1, "a"), ACCEPTED, snapshot(seq_of(1, 0), "")],
    "a turn that was first seen in its middle": [READY, WATCHING, snapshot(seq_of(2, 7), "a"), delta(8, "b", 2)],
}  # fmt: skip

FORBIDDEN: dict[str, tuple[str, list[ServerSaid]]] = {
    "a gap": ("gap", [READY, started(), delta(1, "a"), delta(3, "c")]),
    "a gap over a reconnect": ("gap", [READY, started(), delta(1, "a"), READY, WATCHING, delta(3, "c")]),
    "a repeat": ("repeats", [READY, started(), delta(1, "a"), delta(1, "a")]),
    "a repeat after the resume went on": (
        "repeats", [READY, started(), delta(1, "a"), WATCHING, delta(1, "a"), delta(1, "a")],
    ),
    "a reorder": ("gap", [READY, started(), delta(2, "b"), delta(1, "a")]),
    "a late frame of a lower attempt": ("repeats", [READY, started(), started(2), delta(1, "a", 1)]),
    "a question after its start": ("repeats", [READY, started(), asked()]),
    "an old snapshot that nobody asked for": (
        "goes back", [READY, started(), delta(1, "a"), snapshot(seq_of(1, 0), "")],
    ),
    "a delta before started": ("without its attempt's started", [READY, asked(), delta(1, "a")]),
    "a delta of an attempt that did not start": (
        "without its attempt's started", [READY, started(), delta(1, "a"), delta(0, "b", 2)],
    ),
    "an attempt that begins in its middle": (
        "does not begin", [READY, msgspec.structs.replace(started(), seq=seq_of(1, 2))],
    ),
    "a frame after the end": ("came after completed", [READY, started(), completed(1), delta(2, "x")]),
    "a second end": ("came after completed", [READY, started(), completed(1), stopped(2)]),
    "another end after a reconnect": ("second end", [READY, started(), completed(1), READY, WATCHING, stopped(1)]),
    "a new attempt after the end": (
        "beyond completed", [READY, started(), completed(1), READY, WATCHING, started(2)],
    ),
    "a switch that keeps more than there is": ("keeps 5 of 1", [READY, started(), delta(1, "a"), switched(2, 5)]),
    "an unknown type": ("could not be read", [READY, Unreadable("unknown tag")]),
    "a request that is two turns": ("answered as", [READY, ACCEPTED, Accepted(REQUEST, "another")]),
    "a request that is accepted and rejected": (
        "answered as", [READY, ACCEPTED, rejected_frame(REQUEST, ErrorCode.OVERLOADED)],
    ),
}  # fmt: skip


@pytest.mark.parametrize("frames", HONEST.values(), ids=HONEST.keys())
def test_what_an_edge_may_do_is_no_violation(frames: list[ServerSaid]) -> None:
    observer = StrictObserver()
    for frame in frames:
        observer(frame)
    assert observer.violations == []


@pytest.mark.parametrize(("says", "frames"), FORBIDDEN.values(), ids=FORBIDDEN.keys())
def test_what_an_edge_may_not_do_is_recorded(says: str, frames: list[ServerSaid]) -> None:
    observer = StrictObserver()
    for frame in frames:
        observer(frame)
    assert observer.violations != []
    assert says in observer.violations[0]


def test_turns_without_an_end_are_named() -> None:
    observer = StrictObserver()
    observer(started())
    assert observer.open_turns() == [TURN]
    observer(completed(1))
    assert observer.open_turns() == []
