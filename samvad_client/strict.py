"""An observer for tests and load: sees every frame that arrives at one client and records what breaks the protocol.

In: each server frame in the order of arrival, across reconnects. Out: `violations`, sentences with ids and numbers and
never text. It is stricter than the client rule, which would quietly drop or mend most of these.

A resume may send again what was sent before: after `ready`, `watching` (the whole conversation) or `accepted` (the
turn), the next frame of a turn may lie anywhere up to its last one plus one. From there on every frame must follow.
"""

from dataclasses import dataclass, field

from samvad_client.connection import ServerSaid
from schemas.codec import Unreadable, kind_of
from schemas.frames import (
    Accepted,
    AnyTurnFrame,
    Asked,
    Completed,
    Delta,
    Failed,
    Ready,
    Rejected,
    Snapshot,
    Started,
    Stopped,
    Switched,
    TurnFrame,
    Watching,
)
from schemas.ids import attempt_of, n_of

NOTHING_SEEN = -1


@dataclass(slots=True)
class _Seen:
    """What arrived of one turn. `shown` is the length of the answer in code points."""

    conversation_id: str
    seq: int = NOTHING_SEEN
    shown: int = 0
    may_repeat: bool = True
    end: str | None = None
    end_seq: int = NOTHING_SEEN


@dataclass
class StrictObserver:
    """Give it as `on_frame`; a test fails if `violations` is not empty."""

    violations: list[str] = field(default_factory=list)
    frames: int = 0
    _turns: dict[str, _Seen] = field(default_factory=dict)
    _answers: dict[str, str] = field(default_factory=dict)

    def __call__(self, said: ServerSaid) -> None:
        self.frames += 1
        match said:
            case TurnFrame():
                self._see(said)
            case Unreadable():
                self.violations.append(f"a frame could not be read: {said}")
            case Ready():
                self._allow_repeats(None)
            case Watching():
                self._allow_repeats(said.conversation_id)
            case Accepted():
                self._see_accepted(said)
            case Rejected():
                self._answer(said.request_id, "rejected")

    def open_turns(self) -> list[str]:
        """The turns that began and did not end, for the end of a load run (G2)."""
        return [turn_id for turn_id, seen in self._turns.items() if seen.end is None]

    def _allow_repeats(self, conversation_id: str | None) -> None:
        for seen in self._turns.values():
            if conversation_id in (None, seen.conversation_id):
                seen.may_repeat = True

    def _see_accepted(self, frame: Accepted) -> None:
        self._answer(frame.request_id, frame.turn_id)
        if (seen := self._turns.get(frame.turn_id)) is not None:
            seen.may_repeat = True

    def _answer(self, request_id: str, answer: str) -> None:
        before = self._answers.setdefault(request_id, answer)
        if before != answer:
            self.violations.append(f"request {request_id}: answered as {before} and as {answer}")

    def _see(self, frame: AnyTurnFrame) -> None:
        seen = self._turns.setdefault(frame.turn_id, _Seen(frame.conversation_id))
        trouble = _trouble(seen, frame)
        if trouble is not None:
            self.violations.append(f"turn {frame.turn_id}: {kind_of(frame)} {frame.seq} {trouble}")
        _remember(seen, frame)


def _trouble(seen: _Seen, frame: AnyTurnFrame) -> str | None:
    """What is wrong with this frame at this place, if anything."""
    return _trouble_after_end(seen, frame) or _trouble_here(seen, frame)


def _trouble_after_end(seen: _Seen, frame: AnyTurnFrame) -> str | None:
    """An ended turn may be told again up to its end, and ends as it did before."""
    if seen.end is None:
        return None
    if seen.seq >= seen.end_seq and not seen.may_repeat:
        return f"came after {seen.end} {seen.end_seq}"
    if frame.seq > seen.end_seq:
        return f"is beyond {seen.end} {seen.end_seq}"
    return None if _end_of(frame) in (None, seen.end) else f"is a second end, after {seen.end} {seen.end_seq}"


def _trouble_here(seen: _Seen, frame: AnyTurnFrame) -> str | None:
    if isinstance(frame, Snapshot):
        return _trouble_of_snapshot(seen, frame)
    if isinstance(frame, Started) and n_of(frame.seq) != 0:
        return "does not begin its attempt"
    if isinstance(frame, Switched) and frame.keep > seen.shown and frame.seq == seen.seq + 1:
        return f"keeps {frame.keep} of {seen.shown} code points"
    return _trouble_of_order(seen, frame)


def _trouble_of_snapshot(seen: _Seen, frame: Snapshot) -> str | None:
    goes_back = frame.seq < seen.seq and not frame.status.is_terminal
    return f"goes back behind {seen.seq}" if goes_back and not seen.may_repeat else None


def _trouble_of_order(seen: _Seen, frame: AnyTurnFrame) -> str | None:
    if frame.seq <= seen.seq:
        return None if seen.may_repeat else f"repeats or reorders after {seen.seq}"
    if attempt_of(frame.seq) > attempt_of(seen.seq):
        return None if _may_begin(seen, frame) else f"came without its attempt's started, after {seen.seq}"
    return None if frame.seq == seen.seq + 1 else f"leaves a gap after {seen.seq}"


def _may_begin(seen: _Seen, frame: AnyTurnFrame) -> bool:
    return isinstance(frame, Started) or (isinstance(frame, Asked) and seen.seq == NOTHING_SEEN)


def _remember(seen: _Seen, frame: AnyTurnFrame) -> None:
    seen.may_repeat = False
    seen.seq = frame.seq
    match frame:
        case Delta() if frame.kind != "reasoning":
            seen.shown += len(frame.text)
        case Started():
            seen.shown = 0
        case Switched():
            seen.shown = frame.keep
        case Snapshot():
            seen.shown = len(frame.text)
    end = _end_of(frame)
    if end is not None and seen.end is None:
        seen.end, seen.end_seq = end, frame.seq


def _end_of(frame: AnyTurnFrame) -> str | None:
    if isinstance(frame, Snapshot):
        return frame.status.value if frame.status.is_terminal else None
    return kind_of(frame) if isinstance(frame, Completed | Stopped | Failed) else None
