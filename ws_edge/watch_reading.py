"""What a `watch` has to ask the store before it can be answered.

In: who watches what, and how far the client is in which turns. Out: a `View`, and the hub has learned what was read.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

import structlog

from store.errors import StoreUnavailable
from store.rows import ConversationRow, TurnRow
from ws_edge.looking_up import TurnLookup
from ws_edge.turns_in_flight import Stored, TurnsInFlight

log = structlog.get_logger(__name__)


class OpenTurns(Protocol):
    """The open turns of a conversation that somebody claimed or stopped. Raises StoreUnavailable."""

    async def open_of_conversation(self, user_id: str, conversation_id: str) -> list[TurnRow]: ...


class Conversations(Protocol):
    """One conversation. Raises StoreUnavailable."""

    async def get(self, user_id: str, conversation_id: str) -> ConversationRow | None: ...


@dataclass(frozen=True, slots=True)
class Wish:
    """A `watch`: `after` has the seq that the client last applied of each turn it asks for."""

    user_id: str
    conversation_id: str
    after: dict[str, int]


@dataclass(slots=True)
class View:
    """What the store said. `is_whole` is False if it was unavailable for some of it."""

    head: str | None = None
    stored: dict[str, Stored] = field(default_factory=dict)
    is_whole: bool = True


class WatchReader:
    """Reads a conversation's head, and every turn that this edge can't speak for alone."""

    def __init__(
        self,
        turns: TurnsInFlight,
        lookup: TurnLookup,
        conversations: Conversations,
        open_turns: OpenTurns,
        clock: Callable[[], float],
    ) -> None:
        self._turns = turns
        self._lookup = lookup
        self._conversations = conversations
        self._open_turns = open_turns
        self._clock = clock

    async def read(self, wish: Wish) -> View:
        """Never raises for a store that is unavailable: then the view is not whole."""
        view = View()
        try:
            conversation, rows = await asyncio.gather(
                self._conversations.get(wish.user_id, wish.conversation_id),
                self._open_turns.open_of_conversation(wish.user_id, wish.conversation_id),
            )
            view.head = None if conversation is None else conversation.leaf
            while wanted := self._unread(wish, rows, view):
                view.stored |= zip(wanted, await self._look(wish, wanted), strict=True)
        except StoreUnavailable:
            log.warning("watch_without_history", user_id=wish.user_id, conversation_id=wish.conversation_id)
            view.is_whole = False
        return view

    async def _look(self, wish: Wish, turn_ids: list[str]) -> list[Stored]:
        looks = (self._lookup.look(wish.user_id, wish.conversation_id, turn_id) for turn_id in turn_ids)
        return await asyncio.gather(*looks)

    def _unread(self, wish: Wish, rows: list[TurnRow], view: View) -> list[str]:
        """The turns that only the store can speak for now; while it was asked, more may have become so."""
        open_here = self._turns.of_conversation(wish.user_id, wish.conversation_id)
        wanted = [turn.turn_id for turn in open_here if self._turns.needs_a_look(turn, self._clock())]
        wanted += [turn_id for turn_id, cursor in wish.after.items() if not self._is_known(wish, turn_id, cursor)]
        wanted += [row.turn_id for row in rows if not self._is_known(wish, row.turn_id)]
        return [turn_id for turn_id in dict.fromkeys(wanted) if turn_id not in view.stored]

    def _is_known(self, wish: Wish, turn_id: str, cursor: int | None = None) -> bool:
        """True for an open turn, and for an ended one unless the client still lacks its end."""
        if self._turns.open_here(wish.user_id, wish.conversation_id, turn_id) is not None:
            return True
        ended = self._turns.ended_here(wish.user_id, wish.conversation_id, turn_id)
        return ended is not None and cursor in (None, ended.seq)
