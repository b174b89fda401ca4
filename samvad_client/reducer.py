"""The client rule of the protocol: which frame of a turn is applied, and what it changes. Pure.

In: the frames of a turn, in whatever order and number they arrive. Out: a `TurnView` that is right after every one
of them (G3), and for each frame whether it was applied, dropped, or showed a hole.
"""

from enum import Enum

from samvad_client.turn_view import NOTHING_APPLIED, GrowingText, TurnView
from schemas.frames import (
    AnyTurnFrame,
    Asked,
    Completed,
    Delta,
    Failed,
    Queued,
    Snapshot,
    Started,
    Stopped,
    Switched,
)
from schemas.ids import attempt_of, n_of
from schemas.parts import UserMessage
from schemas.statuses import TurnStatus


class Applied(Enum):
    """What became of a frame."""

    APPLIED = "applied"
    DROPPED = "dropped"
    """A repeat, a frame after the end, or one that waits for the answer to a hole."""
    HOLE = "hole"
    """Frames are missing: watch the conversation again, without this turn in `after`. Said once for each hole."""


def apply(view: TurnView, frame: AnyTurnFrame | Queued) -> Applied:
    """Applies one frame of this very turn, if the client rule lets it in."""
    verdict = _place(view, frame)
    if verdict is Applied.DROPPED:
        return verdict
    view.version += 1
    if verdict is Applied.HOLE:
        view.is_held = True
        return verdict
    if isinstance(frame, Queued):
        _wait(view, frame)
    else:
        _enter(view, frame)
    return verdict


def _place(view: TurnView, frame: AnyTurnFrame | Queued) -> Applied:
    if view.has_ended:
        return Applied.DROPPED
    if isinstance(frame, Queued):
        return Applied.APPLIED if frame.attempt >= view.attempt else Applied.DROPPED
    if isinstance(frame, Snapshot):
        is_news = frame.status.is_terminal or frame.seq >= view.seq
        return Applied.APPLIED if is_news else Applied.DROPPED
    if frame.seq <= view.seq:
        return Applied.DROPPED
    if _follows(view, frame):
        return Applied.APPLIED
    # While a turn is held the live frames go on; asking again for each would be a storm.
    return Applied.DROPPED if view.is_held else Applied.HOLE


def _follows(view: TurnView, frame: AnyTurnFrame) -> bool:
    """Whether a new frame may come next. The missing frame itself closes a hole, so being held does not matter."""
    if attempt_of(frame.seq) == attempt_of(view.seq):
        return frame.seq == view.seq + 1
    if isinstance(frame, Started):
        return n_of(frame.seq) == 0
    return isinstance(frame, Asked) and view.seq == NOTHING_APPLIED


def _enter(view: TurnView, frame: AnyTurnFrame) -> None:
    view.seq = max(view.seq, frame.seq)
    view.is_held = False
    view.waiting = None
    _change(view, frame)


def _change(view: TurnView, frame: AnyTurnFrame) -> None:
    match frame:
        case Delta():
            _grow(view, frame)
        case Started():
            _start(view, frame)
        case Switched():
            _switch(view, frame)
        case Snapshot():
            _replace(view, frame)
        case Asked():
            _ask(view, frame)
        case Completed() | Stopped():
            _finish(view, frame)
        case Failed():
            _fail(view, frame)


def _wait(view: TurnView, frame: Queued) -> None:
    view.waiting = frame
    view.status = TurnStatus.QUEUED


def _ask(view: TurnView, frame: Asked) -> None:
    view.request_id = frame.request_id
    _show_question(view, frame.user_message)
    view.model = frame.model


def _start(view: TurnView, frame: Started) -> None:
    view.status = TurnStatus.RUNNING
    view.request_id = frame.request_id
    _show_question(view, frame.user_message)
    view.model = frame.model
    view.answer_id = frame.answer_id
    _empty(view)


def _empty(view: TurnView, text: str = "") -> None:
    view.answer_text = GrowingText(text)
    view.reasoning_text = GrowingText()
    view.switches = []


def _grow(view: TurnView, frame: Delta) -> None:
    view.status = TurnStatus.RUNNING
    text = view.reasoning_text if frame.kind == "reasoning" else view.answer_text
    text.append(frame.text)


def _switch(view: TurnView, frame: Switched) -> None:
    view.status = TurnStatus.RUNNING
    view.model = frame.to_model
    view.answer_text.cut(frame.keep)
    view.switches.append(frame)


def _replace(view: TurnView, frame: Snapshot) -> None:
    _empty(view, frame.text)
    if frame.user_message is not None:
        _show_question(view, frame.user_message)
    view.status = frame.status
    view.model = frame.model
    view.answer_id = frame.answer_id
    view.usage = frame.usage
    view.code = frame.code
    view.failure = None if frame.code is None else frame.code.text


def _show_question(view: TurnView, message: UserMessage) -> None:
    view.question = message.text
    view.question_id = message.id or view.question_id


def _finish(view: TurnView, frame: Completed | Stopped) -> None:
    view.status = TurnStatus.COMPLETED if isinstance(frame, Completed) else TurnStatus.STOPPED
    view.finish_reason = frame.finish_reason
    view.usage = frame.usage
    view.model = frame.model
    view.answer_id = frame.answer_id


def _fail(view: TurnView, frame: Failed) -> None:
    view.status = TurnStatus.FAILED
    view.code = frame.code
    view.failure = frame.text
    view.answer_id = frame.answer_id
