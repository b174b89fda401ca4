"""The bugs, each the replacement of one function before the role starts.

In: nothing. Out: `BUGS`, by name; calling one injects it into this process.
"""

from collections.abc import Callable
from typing import Any

import msgspec

from consumers.attempt_frames import AttemptFrames
from consumers.beginning import Beginner
from consumers.finishing import Finisher
from consumers.offsets import OffsetTracker
from consumers.patience import until_it_works
from consumers.running_turns import RunningTurn, RunningTurns
from consumers.taking import TakenRequest
from schemas.frames import Delta, ServerFrame, Started
from schemas.ids import attempt_of, n_of, seq_of
from schemas.parts import UserMessage
from store.rows import TurnRow
from ws_edge.turn_in_flight import TurnInFlight, Verdict

VICTIM = 4
"""The delta of each attempt that a bug falls upon, by its place."""


def commit_before_processing() -> None:
    """An offset counts as finished as soon as its record is polled: K9's auto-commit, in effect."""
    take = OffsetTracker.take

    def take_and_finish(self: OffsetTracker, offset: int, produced_at_ms: int = 0) -> bool:
        is_new = take(self, offset, produced_at_ms)
        self.finish(offset)
        return is_new

    _replace(OffsetTracker, "take", take_and_finish)


def dropped_delta() -> None:
    """One delta is numbered and kept as published, and never sent."""
    send = AttemptFrames._send

    def send_all_but_one(self: AttemptFrames, frame: ServerFrame) -> None:
        if _is_victim(frame):
            self._n += 1
        else:
            send(self, frame)

    _replace(AttemptFrames, "_send", send_all_but_one)


def swapped_deltas() -> None:
    """One delta goes out behind the next one."""
    send = AttemptFrames._send
    held_back: dict[AttemptFrames, ServerFrame] = {}

    def send_one_later(self: AttemptFrames, frame: ServerFrame) -> None:
        if _is_victim(frame):
            held_back[self] = frame
            self._n += 1
            return
        send(self, frame)
        if (late := held_back.pop(self, None)) is not None:
            self._last = self._publish(self._claim.user_id, late)

    _replace(AttemptFrames, "_send", send_one_later)


def double_publish() -> None:
    """One delta goes out twice, as two frames."""
    send_delta = AttemptFrames._send_delta

    def send_one_twice(self: AttemptFrames, text: str, is_reasoning: bool) -> None:
        times = 2 if self._n == VICTIM else 1
        for _ in range(times):
            send_delta(self, text, is_reasoning)

    _replace(AttemptFrames, "_send_delta", send_one_twice)


def no_attempt_check() -> None:
    """An edge: frames of a worker that was thought dead are passed on among those of its successor."""
    apply = TurnInFlight.apply

    def apply_of_any_attempt(self: TurnInFlight, kind: str, seq: int, raw: bytes) -> Verdict:
        if 0 < attempt_of(seq) < attempt_of(self.last_seq):
            return Verdict.DELIVER
        return apply(self, kind, seq, raw)

    _replace(TurnInFlight, "apply", apply_of_any_attempt)


def deaf_to_takeovers() -> None:
    """No bug: a takeover is told only sooner, the row says it too. So a zombie goes on until it wants to finish."""

    def not_heard(self: RunningTurns, turn_id: str, attempt: int) -> None:
        pass

    _replace(RunningTurns, "taken", not_heard)


def finish_without_compare_and_set() -> None:
    """The end is written over whatever the row says."""
    deaf_to_takeovers()

    async def store_anyway(self: Finisher, ended: TurnRow) -> TurnRow:
        while (stored := await until_it_works(self._books.turns.compare_and_set, ended, ended.version - 1)) is not None:
            ended = msgspec.structs.replace(ended, version=stored.version + 1)
        return ended

    _replace(Finisher, "_store", store_anyway)


def publish_before_claim() -> None:
    """A worker that comes to somebody else's turn says `started` and then finds out whether it may."""
    claim = Beginner._claim

    async def say_and_claim(self: Beginner, taken: TakenRequest, turn: RunningTurn, look: Any) -> Any:
        row = await until_it_works(self._parts.claimer._turns.load, turn.turn_id)
        if row is not None and row.attempt > 0:
            self._parts.replies.publish(row.user_id, _started(row, taken))
        return await claim(self, taken, turn, look)

    _replace(Beginner, "_claim", say_and_claim)


def stop_ignored() -> None:
    """A worker hears the stop of a turn that it runs, and goes on."""

    def go_on(self: RunningTurns, turn_id: str) -> None:
        pass

    _replace(RunningTurns, "stop", go_on)


def none() -> None:
    """No bug."""


def _started(row: TurnRow, taken: TakenRequest) -> Started:
    return Started(
        conversation_id=row.conversation_id,
        turn_id=row.turn_id,
        seq=seq_of(row.attempt + 1, 0),
        request_id=taken.request.request_id,
        attempt=row.attempt + 1,
        model=taken.request.model,
        user_message=row.question or UserMessage(""),
        answer_id=row.answer_id or "",
    )


def _is_victim(frame: ServerFrame) -> bool:
    return isinstance(frame, Delta) and n_of(frame.seq) == VICTIM


def _replace(owner: type, name: str, function: Callable[..., Any]) -> None:
    setattr(owner, name, function)


BUGS: dict[str, Callable[[], None]] = {
    bug.__name__: bug
    for bug in (
        commit_before_processing,
        dropped_delta,
        swapped_deltas,
        double_publish,
        no_attempt_check,
        deaf_to_takeovers,
        finish_without_compare_and_set,
        publish_before_claim,
        stop_ignored,
        none,
    )
}
