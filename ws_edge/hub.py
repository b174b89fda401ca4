"""Who hears what: routes each reply to every session that watches its conversation.

In: replies of all users, and what the store says about turns. Out: frames in feeds, and wishes to look a turn up.
Synchronous throughout, so between a replay and the live frames there is neither a gap nor a reorder.
"""

from collections.abc import Callable, Iterable
from typing import TypeVar

from schemas.headers import ReplyAddress
from schemas.statuses import TurnStatus
from store.rows import TurnRow
from ws_edge.feed import NOTHING_SEEN, Feed
from ws_edge.following import Followers
from ws_edge.pace import Pace
from ws_edge.shown import shown_by_store
from ws_edge.turn_in_flight import TERMINAL_STATUS, TurnInFlight, Verdict
from ws_edge.turns_in_flight import Learned, Stored, TurnsInFlight

Key = TypeVar("Key")
LookUp = Callable[[str, str, str], None]
"""Asks for a turn to be looked up in the store: user, conversation, turn."""
NoteWaiting = Callable[[TurnInFlight], None]
"""Hears of a turn that has not started, and that somebody watches from now on."""


OF_USER = frozenset({"conversation"})
"""Kinds of no turn that sessions are handed; whatever else edges tell each other is no client's."""


class Hub:
    """The sessions of this edge, by user and by watched conversation."""

    def __init__(self, turns: TurnsInFlight, pace: Pace | None = None) -> None:
        self.turns = turns
        self._pace = pace or Pace()
        self.session_count = 0
        self.look_up: LookUp = lambda _user, _conversation, _turn: None
        self.note_waiting: NoteWaiting = lambda _turn: None
        self._watching: dict[tuple[str, str], dict[Feed, None]] = {}
        self._of_user: dict[str, dict[Feed, None]] = {}
        self._followers = Followers()

    def join(self, feed: Feed) -> None:
        """A session is open."""
        self._of_user.setdefault(feed.user_id, {})[feed] = None
        self.session_count += 1

    def leave(self, feed: Feed) -> None:
        """A session is over."""
        for conversation_id in list(feed.watched):
            self.unwatch(feed, conversation_id)
        self._followers.leave(feed)
        _discard(self._of_user, feed.user_id, feed)
        feed.close()
        self.session_count -= 1

    def sessions_of(self, user_id: str) -> int:
        """How many sessions this user has here."""
        return len(self._of_user.get(user_id, ()))

    def watch(self, feed: Feed, conversation_id: str) -> None:
        """From now on the feed is handed the conversation's live frames."""
        self._watching.setdefault((feed.user_id, conversation_id), {})[feed] = None
        for turn in self.turns.of_conversation(feed.user_id, conversation_id):
            self._note_if_waiting(turn)

    def unwatch(self, feed: Feed, conversation_id: str) -> None:
        feed.watched.discard(conversation_id)
        feed.forget_conversation(conversation_id)
        _discard(self._watching, (feed.user_id, conversation_id), feed)

    def is_watching(self, feed: Feed, conversation_id: str) -> bool:
        """True once the feed is handed the conversation's live frames."""
        return feed in self._watching.get((feed.user_id, conversation_id), ())

    def is_watched(self, turn: TurnInFlight) -> bool:
        """Whether anybody here would see what becomes of the turn."""
        is_followed = self._followers.await_end(turn.user_id, turn.turn_id)
        return is_followed or (turn.user_id, turn.conversation_id) in self._watching

    def is_waited_for(self, turn: TurnInFlight) -> bool:
        """Whether somebody watches a turn that has not started."""
        is_open = turn.status is TurnStatus.QUEUED and self.turns.open_turn(turn.turn_id) is turn
        return is_open and (turn.user_id, turn.conversation_id) in self._watching

    def tell_watchers(self, turn: TurnInFlight, raw: bytes) -> None:
        """An unnumbered frame about a turn. Who has seen more than this edge is told nothing; and who reads too slowly
        is spared it, for the next one says more.
        """
        for feed in self._watching.get((turn.user_id, turn.conversation_id), ()):
            if feed.cursor_of(turn.turn_id) is None and not feed.outbox.is_crowded:
                feed.push_unnumbered(raw)

    def follow_to_its_end(self, feed: Feed, turn_id: str) -> None:
        """Tells the feed how the turn ends, whether it watches the conversation or not."""
        self._followers.add(feed, turn_id)

    def unfollow(self, feed: Feed, turn_id: str) -> None:
        self._followers.remove(feed, turn_id)

    def route(self, user_id: str, address: ReplyAddress, raw: bytes, now: float) -> int:
        """Takes the next reply of the log. To how many sessions it was handed, if it is a turn's."""
        if address.turn_id is None:
            if address.kind in OF_USER:
                self._pass_on_to_user(user_id, raw)
            return 0
        verdict = self.turns.apply(user_id, address, raw, now)
        if verdict is Verdict.DROP:
            return 0
        if feeds := self._watching.get((user_id, address.conversation_id)):
            if not address.seq:
                self._note_if_waiting(self.turns.open_turn(address.turn_id))
            self._pass_on(verdict, feeds, user_id, address, raw)
            if address.kind == "delta" and verdict is Verdict.DELIVER:
                self._pace.delta(self.turns.open_turn(address.turn_id), now)
        if address.kind in TERMINAL_STATUS:
            self._tell_followers(verdict, user_id, address, raw)
            self.turns.let_go(address.turn_id, now)
        return len(feeds) if feeds and verdict is Verdict.DELIVER else 0

    def note_accepted(self, turn_id: str, now: float) -> None:
        """This edge accepted the turn: from here on its user waits."""
        self._pace.accepted(self.turns.open_turn(turn_id), now)

    def learn(self, user_id: str, conversation_id: str, turn_id: str, stored: Stored, now: float) -> bool:
        """Takes what the store has of a turn of theirs, and serves those who wait for it and can take it.

        False: ask again soon.
        """
        was_open = self.turns.open_turn(turn_id) is not None
        learned = self.turns.learn(turn_id, stored, now)
        if learned is Learned.STILL_A_HOLE:
            return False
        for feed in list(self._watching.get((user_id, conversation_id), ())):
            if learned is Learned.ENDED and stored.row is not None:
                _serve_end(feed, stored.row, was_open)
            else:
                self._serve(feed, conversation_id, turn_id, learned)
        if learned is Learned.ENDED and stored.row is not None:
            self._tell_followers_stored_end(stored.row)
            return not self._look_up_if_awaited(user_id, conversation_id, turn_id)
        return True

    def is_awaited(self, user_id: str, conversation_id: str, turn_id: str) -> bool:
        """True while a session waits for this turn."""
        feeds = self._watching.get((user_id, conversation_id), ())
        is_followed = self._followers.await_end(user_id, turn_id)
        return is_followed or any(feed.cursor_of(turn_id) is not None for feed in feeds)

    def _look_up_if_awaited(self, user_id: str, conversation_id: str, turn_id: str) -> bool:
        """For an ended turn: whether a session still waits for its end, because it has too much to read as it is."""
        feeds = self._watching.get((user_id, conversation_id), ())
        is_awaited = any(feed.cursor_of(turn_id) is not None for feed in feeds)
        if is_awaited:
            self.look_up(user_id, conversation_id, turn_id)
        return is_awaited

    def _note_if_waiting(self, turn: TurnInFlight | None) -> None:
        if turn is not None and turn.status is TurnStatus.QUEUED:
            self.note_waiting(turn)

    def _tell_followers(self, verdict: Verdict, user_id: str, address: ReplyAddress, raw: bytes) -> None:
        """A turn with a hole is looked up first: its end comes from the store then."""
        turn_id = address.turn_id or ""
        if verdict is Verdict.HOLE and self._followers.await_end(user_id, turn_id):
            self.look_up(user_id, address.conversation_id, turn_id)
        if verdict is Verdict.DELIVER:
            for feed in self._followers.take(user_id, turn_id):
                if not self.is_watching(feed, address.conversation_id):
                    feed.send_end(turn_id, address.seq or 0, raw)

    def _tell_followers_stored_end(self, row: TurnRow) -> None:
        for feed in self._followers.take(row.user_id, row.turn_id):
            if not self.is_watching(feed, row.conversation_id):
                feed.send_snapshot(row.turn_id, shown_by_store(row, None).snapshot(row.conversation_id, row.turn_id))

    def _pass_on_to_user(self, user_id: str, raw: bytes) -> None:
        for feed in self._of_user.get(user_id, ()):
            feed.push_unnumbered(raw)

    def _pass_on(
        self, verdict: Verdict, feeds: Iterable[Feed], user_id: str, address: ReplyAddress, raw: bytes
    ) -> None:
        turn_id = address.turn_id or ""
        if verdict is Verdict.DELIVER:
            for feed in feeds:
                feed.deliver(address, raw)
            if address.kind in TERMINAL_STATUS:
                self._look_up_if_awaited(user_id, address.conversation_id, turn_id)
            return
        for feed in feeds:
            feed.await_turn(address.conversation_id, turn_id)
        self.look_up(user_id, address.conversation_id, turn_id)

    def _serve(self, feed: Feed, conversation_id: str, turn_id: str, learned: Learned) -> None:
        cursor = feed.cursor_of(turn_id)
        if self.turns.open_turn(turn_id) is None:
            feed.forget(turn_id)
        elif learned is Learned.JOINED or cursor is not None:
            feed.send_missing(conversation_id, turn_id, NOTHING_SEEN if cursor is None else cursor)


def _serve_end(feed: Feed, row: TurnRow, was_open: bool) -> None:
    cursor, shown = feed.cursor_of(row.turn_id), shown_by_store(row, None)
    feed.forget(row.turn_id)
    if not (was_open or cursor is not None) or cursor == shown.seq:
        return
    if feed.outbox.is_crowded:
        feed.await_turn(row.conversation_id, row.turn_id, NOTHING_SEEN if cursor is None else cursor)
    else:
        feed.send_snapshot(row.turn_id, shown.snapshot(row.conversation_id, row.turn_id))


def _discard(index: dict[Key, dict[Feed, None]], key: Key, feed: Feed) -> None:
    feeds = index.get(key)
    if feeds is None:
        return
    feeds.pop(feed, None)
    if not feeds:
        del index[key]
