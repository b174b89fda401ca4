"""Turns whose end a session awaits without watching their conversation: it asked for a stop (DESIGN 4). Pure.

In: who asked, and which turns end. Out: who is to be told of an end, once.
"""

from ws_edge.feed import Feed


class Followers:
    """Sessions, by the turn whose end they await."""

    def __init__(self) -> None:
        self._by_turn: dict[str, dict[Feed, None]] = {}
        self._turns_of: dict[Feed, dict[str, None]] = {}

    def add(self, feed: Feed, turn_id: str) -> None:
        self._by_turn.setdefault(turn_id, {})[feed] = None
        self._turns_of.setdefault(feed, {})[turn_id] = None

    def remove(self, feed: Feed, turn_id: str) -> None:
        """This session awaits this end no more."""
        if feeds := self._by_turn.get(turn_id):
            feeds.pop(feed, None)
            if not feeds:
                del self._by_turn[turn_id]
        if turns := self._turns_of.get(feed):
            turns.pop(turn_id, None)
            if not turns:
                del self._turns_of[feed]

    def leave(self, feed: Feed) -> None:
        """The session is over."""
        for turn_id in list(self._turns_of.get(feed, ())):
            self.remove(feed, turn_id)

    def await_end(self, user_id: str, turn_id: str) -> bool:
        """Whether a session of this user awaits this turn's end."""
        return any(feed.user_id == user_id for feed in self._by_turn.get(turn_id, ()))

    def take(self, user_id: str, turn_id: str) -> list[Feed]:
        """The turn of this user has ended: who is to be told."""
        feeds = [feed for feed in self._by_turn.get(turn_id, ()) if feed.user_id == user_id]
        for feed in feeds:
            self.remove(feed, turn_id)
        return feeds
