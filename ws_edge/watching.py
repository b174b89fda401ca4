"""Watching and resuming (DESIGN 4, 6.8): what a client missed, then what happens, without a gap or a reorder.

In: a `watch` frame, or a `send` that watches too. Out: `watching`, then for each turn asked for the missing frames or
one snapshot, for every other open turn a snapshot, then live frames. Once the store was read, nothing is awaited; who
has too much to read already is owed the rest, and gets it as it reads (`feed.py`).
"""

import time
from functools import partial

from schemas import client_frames
from schemas.errors import ErrorCode
from schemas.frames import WatchedTurn, Watching, error_frame
from schemas.statuses import TurnStatus
from store.rows import TurnRow
from ws_edge.errands import Errands
from ws_edge.feed import Feed
from ws_edge.hub import Hub
from ws_edge.looking_up import TurnLookup
from ws_edge.shown import shown_by_store
from ws_edge.turn_in_flight import TurnInFlight
from ws_edge.turn_spans import Resumed, TurnSpans
from ws_edge.watch_reading import View, WatchReader, Wish


class Watcher:
    """Lets sessions watch conversations, at most `max_watched` each."""

    def __init__(self, hub: Hub, lookup: TurnLookup, reader: WatchReader, max_watched: int, spans: TurnSpans) -> None:
        self._hub = hub
        self._turns = hub.turns
        self._lookup = lookup
        self._reader = reader
        self._max_watched = max_watched
        self._spans = spans
        self._errands = Errands(max_per_owner=max_watched)

    def watch(self, feed: Feed, frame: client_frames.Watch) -> None:
        """Begins to watch, or resumes. Replies of one conversation come in the order of its `watch` frames."""
        conversation_id = str(frame.conversation_id)
        if not self.may_watch(feed, conversation_id):
            feed.say(error_frame(ErrorCode.TOO_MANY_WATCHED, frame_type="watch"))
            return
        after = {str(turn_id): seq for turn_id, seq in (frame.after or {}).items()}
        work = partial(self._watch, feed, Wish(feed.user_id, conversation_id, after))
        broken = partial(feed.say, error_frame(ErrorCode.INTERNAL, frame_type="watch"))
        if self._errands.start(feed, (feed, conversation_id), work, broken):
            feed.watched.add(conversation_id)
        else:
            feed.say(error_frame(ErrorCode.OVERLOADED, frame_type="watch"))

    def follow(self, feed: Feed, conversation_id: str) -> None:
        """Watches from what this edge knows, without the store: who sends wants to see the answer at once."""
        feed.watched.add(conversation_id)
        if self._hub.is_watching(feed, conversation_id) or self._errands.is_under_way((feed, conversation_id)):
            return
        for turn in self._turns.of_conversation(feed.user_id, conversation_id):
            self._show(feed, turn)
        self._hub.watch(feed, conversation_id)

    def unwatch(self, feed: Feed, conversation_id: str) -> None:
        self._hub.unwatch(feed, conversation_id)

    def may_watch(self, feed: Feed, conversation_id: str) -> bool:
        return conversation_id in feed.watched or len(feed.watched) < self._max_watched

    def leave(self, feed: Feed) -> None:
        """The session is over."""
        self._errands.cancel_of(feed)
        self._hub.leave(feed)

    async def close(self) -> None:
        """Ends what is under way: nobody watches any more."""
        await self._errands.finish(0)

    async def _watch(self, feed: Feed, wish: Wish) -> None:
        began_ns = time.time_ns()
        view = await self._reader.read(wish)
        if not view.is_whole:
            feed.say(error_frame(ErrorCode.HISTORY_UNAVAILABLE, frame_type="watch"))
        for resumed in self._answer(feed, wish, view):
            self._spans.resumed(resumed, feed.user_id, began_ns)

    def _answer(self, feed: Feed, wish: Wish, view: View) -> list[Resumed]:
        """From here on nothing is awaited: no live frame can come between a replay and the watching."""
        open_turns = self._turns.of_conversation(wish.user_id, wish.conversation_id)
        named = dict.fromkeys([*wish.after, *(turn.turn_id for turn in open_turns)])
        states = [self._state(wish, view, turn_id) for turn_id in named]
        feed.say(Watching(wish.conversation_id, [state for state in states if state is not None], view.head))
        if wish.conversation_id not in feed.watched:
            return []  # unwatched meanwhile
        feed.forget_conversation(wish.conversation_id)
        asked_for = [self._resume(feed, wish, view, turn_id, cursor) for turn_id, cursor in wish.after.items()]
        others = [self._show(feed, turn) for turn in open_turns if turn.turn_id not in wish.after]
        self._hub.watch(feed, wish.conversation_id)
        return [resumed for resumed in [*asked_for, *others] if resumed is not None]

    def _state(self, wish: Wish, view: View, turn_id: str) -> WatchedTurn | None:
        """How a turn stands; None if that can't be said without the store."""
        turn = self._turns.open_here(wish.user_id, wish.conversation_id, turn_id)
        if turn is not None:
            return WatchedTurn(turn_id, max(0, turn.last_seq), turn.status)
        ended = self._turns.ended_here(wish.user_id, wish.conversation_id, turn_id)
        if ended is not None:
            return WatchedTurn(turn_id, ended.seq, ended.status)
        return WatchedTurn(turn_id, 0, TurnStatus.UNKNOWN) if turn_id in view.stored else None

    def _resume(self, feed: Feed, wish: Wish, view: View, turn_id: str, cursor: int) -> Resumed | None:
        turn = self._turns.open_here(wish.user_id, wish.conversation_id, turn_id)
        stored = view.stored.get(turn_id)
        if turn is not None and turn.is_joined:
            given = "frames" if turn.keeps_all_above(cursor) else "snapshot"
            return Resumed(turn_id, given, "log", feed.send_missing(wish.conversation_id, turn_id, cursor))
        row = None if stored is None else stored.row
        if turn is None and row is not None and row.is_ended and not feed.outbox.is_crowded:
            return Resumed(turn_id, "snapshot", "store", self._send_end(feed, row, cursor))
        if self._waits_for_store(wish, view, turn_id, cursor):
            feed.await_turn(wish.conversation_id, turn_id, cursor)
            self._lookup.want(wish.user_id, wish.conversation_id, turn_id)
            return Resumed(turn_id, "nothing yet", "store")
        return None

    def _waits_for_store(self, wish: Wish, view: View, turn_id: str, cursor: int) -> bool:
        """True for an open turn with a hole, an end that the client lacks, and what the store could not be asked.

        An end that was read comes so too if there is no room for it: it is read again when there is.
        """
        state = self._state(wish, view, turn_id)
        if state is None:
            return True
        return state.seq != cursor if state.status.is_terminal else state.status is not TurnStatus.UNKNOWN

    def _send_end(self, feed: Feed, row: TurnRow, cursor: int) -> int:
        shown = shown_by_store(row, None)
        if shown.seq == cursor:
            return 0
        feed.send_snapshot(row.turn_id, shown.snapshot(row.conversation_id, row.turn_id))
        return 1

    def _show(self, feed: Feed, turn: TurnInFlight) -> Resumed:
        if turn.is_joined:
            feed.show(turn.turn_id)
            return Resumed(turn.turn_id, "snapshot", "log", 1)
        feed.await_turn(turn.conversation_id, turn.turn_id)
        self._lookup.want(turn.user_id, turn.conversation_id, turn.turn_id)
        return Resumed(turn.turn_id, "nothing yet", "store")
