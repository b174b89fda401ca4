"""Stopping a turn (G8): a notice to whoever runs it, `stop` into its row by compare-and-set, and a notice again.

The first notice works at once, also while the store is away. The row is for who comes to the turn later, the second
notice for who claimed it in between. In: a `stop` frame. Out: nothing of its own, for the turn's terminal frame is the
answer, also to a session that does not watch the conversation; or `error`. A quick worker has ended the row before it
is read: then the frame is about to come by the log, and a snapshot from the row takes its place only if it does not.
A row is created only for a turn that this edge knows as this user's; somebody else's turn does not exist.
"""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
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
from ws_edge.errands import Errands, Work
from ws_edge.faults import Fault, Wrong, sentence
from ws_edge.feed import Feed
from ws_edge.hub import Hub
from ws_edge.looking_up import TurnLookup
from ws_edge.turn_spans import TurnSpans

log = structlog.get_logger(__name__)

_NO_TURN = Fault("turn_id", Wrong.MISSING)


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
    lookup: TurnLookup
    spans: TurnSpans


@dataclass(frozen=True, slots=True)
class _Wish:
    """Who wants which turn to be stopped; `request_id` is for errors, if the frame named one."""

    feed: Feed
    turn_id: str
    request_id: str | None

    def say_error(self, code: ErrorCode) -> None:
        self.feed.say(error_frame(code, request_id=self.request_id, frame_type="stop"))


class Stopping:
    """Stops turns of the user who asks."""

    def __init__(self, parts: StoppingParts) -> None:
        self._parts = parts

    def stop(self, feed: Feed, frame: Stop) -> None:
        """Begins to stop a turn, queued or running."""
        request_id = None if frame.request_id is None else str(frame.request_id)
        if frame.turn_id is not None:
            turn_id = str(frame.turn_id)
            self._begin(partial(self._parts.errands.start, feed, _line(turn_id)), _Wish(feed, turn_id, request_id))
        elif request_id is not None and frame.conversation_id is not None:
            conversation_id = str(frame.conversation_id)
            wish = _Wish(feed, turn_id_of(feed.user_id, conversation_id, request_id), request_id)
            # Not before the request is accepted or refused: nobody would ever end the row of a refused one.
            self._begin(partial(self._parts.asking.after_asks, feed, conversation_id), wish)
        else:
            text = sentence(ErrorCode.BAD_FRAME, [_NO_TURN])
            feed.say(error_frame(ErrorCode.BAD_FRAME, request_id=request_id, frame_type="stop", text=text))

    async def until_noted(self, turn_id: str) -> None:
        """Returns once all stops of this turn so far are in its row, or were refused."""
        await self._parts.errands.until_done(_line(turn_id))

    def _begin(self, start: Callable[[Work, Callable[[], None]], bool], wish: _Wish) -> None:
        if start(partial(self._stop, wish), partial(wish.say_error, ErrorCode.INTERNAL)):
            # Before the row says so, for the end may come at once; while the session is there, which leaves it again.
            self._parts.hub.follow_to_its_end(wish.feed, wish.turn_id)
        else:
            wish.say_error(ErrorCode.OVERLOADED)

    def _conversation_of(self, user_id: str, turn_id: str) -> str | None:
        turns = self._parts.hub.turns
        turn = turns.open_turn(turn_id) or turns.ended_turn(turn_id)
        return turn.conversation_id if turn is not None and turn.user_id == user_id else None

    async def _stop(self, wish: _Wish) -> None:
        began_ns, user_id = time.time_ns(), wish.feed.user_id
        target = StopTarget(user_id, wish.turn_id, self._conversation_of(user_id, wish.turn_id))
        row, _ = await asyncio.gather(self._mark(wish, target), self._hurry(target))
        if row is None:
            return
        if row.is_ended:
            self._parts.lookup.learn_end(row)
        else:
            await self._notify(wish)
        self._parts.spans.stopped(wish.turn_id, user_id, "had ended" if row.is_ended else "asked", began_ns)

    async def _mark(self, wish: _Wish, target: StopTarget) -> TurnRow | None:
        """The row with its stop or its end; None if that was not to be had, which the user hears."""
        try:
            row = await mark_stop(self._parts.rows, target)
        except StoreUnavailable:
            log.warning("stop_not_stored", turn_id=wish.turn_id)
            wish.say_error(ErrorCode.HISTORY_UNAVAILABLE)
            if target.conversation_id is None:
                self._parts.hub.unfollow(wish.feed, wish.turn_id)
            return None
        if row is None:
            self._parts.hub.unfollow(wish.feed, wish.turn_id)
            wish.say_error(ErrorCode.UNKNOWN_TURN)
        return row

    async def _hurry(self, target: StopTarget) -> None:
        """The first notice, for a turn that is known to be this user's: its worker need not wait for the row."""
        if target.conversation_id is not None:
            with suppress(WriteError):  # the notice after the row says what failed
                await self._parts.control.notify(StopAsked(turn_id=target.turn_id))

    async def _notify(self, wish: _Wish) -> None:
        try:
            await self._parts.control.notify(StopAsked(turn_id=wish.turn_id))
        except WriteError as error:
            log.warning("stop_not_announced", turn_id=wish.turn_id, reason=repr(error))
            wish.say_error(ErrorCode.OVERLOADED)


def _line(turn_id: str) -> tuple[str, str]:
    """Stops of one turn go one after the other."""
    return ("stop", turn_id)
