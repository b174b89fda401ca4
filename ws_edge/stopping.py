"""Stopping a turn (G8): `stop` into the turn's row by compare-and-set, then a notice to all workers.

In: a `stop` frame. Out: nothing of its own, for the turn's terminal frame is the answer; or `error`.
A row is created only for a turn that this edge knows as this user's; somebody else's turn does not exist.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Protocol

import structlog

from producers.errors import WriteError
from schemas.client_frames import Stop
from schemas.control import AnyNotice, StopAsked
from schemas.errors import ErrorCode
from schemas.frames import error_frame
from schemas.ids import turn_id_of
from store.errors import StoreUnavailable
from store.rows import TurnRow
from store.stop_marks import StopTarget, TurnRows, mark_stop
from ws_edge.asking import Asking
from ws_edge.clocks import Clocks
from ws_edge.errands import Errands, Work
from ws_edge.feed import Feed
from ws_edge.hub import Hub
from ws_edge.shown import shown_by_store
from ws_edge.turn_spans import TurnSpans
from ws_edge.turns_in_flight import Stored

log = structlog.get_logger(__name__)


class Control(Protocol):
    """Tells all workers. Raises WriteError."""

    async def notify(self, notice: AnyNotice) -> None: ...


@dataclass(frozen=True, slots=True)
class StoppingParts:
    """What stopping works with."""

    rows: TurnRows
    control: Control
    hub: Hub
    asking: Asking
    errands: Errands
    clocks: Clocks
    spans: TurnSpans


class Stopping:
    """Stops turns of the user who asks."""

    def __init__(self, parts: StoppingParts) -> None:
        self._parts = parts

    def stop(self, feed: Feed, frame: Stop) -> None:
        """Begins to stop a turn, queued or running."""
        if frame.turn_id is not None:
            turn_id = str(frame.turn_id)
            self._begin(partial(self._parts.errands.start, feed, ("stop", turn_id)), feed, turn_id)
        elif frame.request_id is not None and frame.conversation_id is not None:
            conversation_id = str(frame.conversation_id)
            turn_id = turn_id_of(feed.user_id, conversation_id, str(frame.request_id))
            # Not before the request is accepted or refused: nobody would ever end the row of a refused one.
            self._begin(partial(self._parts.asking.after_asks, feed, conversation_id), feed, turn_id)
        else:
            feed.say(error_frame(ErrorCode.BAD_FRAME, frame_type="stop"))

    def _begin(self, start: Callable[[Work, Callable[[], None]], bool], feed: Feed, turn_id: str) -> None:
        if not start(partial(self._stop, feed, turn_id), partial(_say_error, feed, ErrorCode.INTERNAL)):
            _say_error(feed, ErrorCode.OVERLOADED)

    def _conversation_of(self, user_id: str, turn_id: str) -> str | None:
        turns = self._parts.hub.turns
        turn = turns.open_turn(turn_id) or turns.ended_turn(turn_id)
        return turn.conversation_id if turn is not None and turn.user_id == user_id else None

    async def _stop(self, feed: Feed, turn_id: str) -> None:
        began_ns = time.time_ns()
        target = StopTarget(feed.user_id, turn_id, self._conversation_of(feed.user_id, turn_id))
        try:
            row = await mark_stop(self._parts.rows, target)
        except StoreUnavailable:
            log.warning("stop_not_stored", turn_id=target.turn_id)
            _say_error(feed, ErrorCode.HISTORY_UNAVAILABLE)
            if target.conversation_id is not None:  # who runs it hears the notice all the same
                await self._notify(feed, target.turn_id)
            return
        if row is None:
            _say_error(feed, ErrorCode.UNKNOWN_TURN)
            return
        if row.is_ended:
            self._tell_end(feed, row)
        else:
            await self._notify(feed, target.turn_id)
        outcome = "had ended" if row.is_ended else "asked"
        self._parts.spans.stopped(turn_id, feed.user_id, outcome, began_ns)

    async def _notify(self, feed: Feed, turn_id: str) -> None:
        try:
            await self._parts.control.notify(StopAsked(turn_id=turn_id))
        except WriteError as error:
            log.warning("stop_not_announced", turn_id=turn_id, reason=repr(error))
            _say_error(feed, ErrorCode.OVERLOADED)

    def _tell_end(self, feed: Feed, row: TurnRow) -> None:
        """Nothing to stop. Who watches has the end or gets it; anybody else gets it here."""
        where = (row.user_id, row.conversation_id)
        self._parts.hub.learn(*where, row.turn_id, Stored(row), self._parts.clocks.now())
        if not self._parts.hub.is_watching(feed, row.conversation_id):
            feed.send_snapshot(row.turn_id, shown_by_store(row, None).snapshot(row.conversation_id, row.turn_id))


def _say_error(feed: Feed, code: ErrorCode) -> None:
    feed.say(error_frame(code, frame_type="stop"))
