"""Where a turn is that somebody names by its id alone, as REST does: in flight here, or in the store.

In: a user and a turn's id. Out: its conversation, and the seq of its end if it has one; or None, for what does not
exist, what is another user's and what was deleted alike, and after the same time.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from store.rows import ConversationRow, TurnRow
from ws_edge.turns_in_flight import TurnsInFlight

SOON_SECONDS = 1.0
"""A turn that another edge accepted a moment ago comes through the log within this time, or its row is there."""
LOOK_SECONDS = 0.05


class TurnRows(Protocol):
    """Rows of turns, by id. Raises StoreUnavailable."""

    async def load(self, turn_id: str) -> TurnRow | None: ...


class Conversations(Protocol):
    """One conversation. Raises StoreUnavailable."""

    async def get(self, user_id: str, conversation_id: str) -> ConversationRow | None: ...


@dataclass(frozen=True, slots=True)
class Place:
    """A turn of this user. `end_seq`: of its terminal frame, once it ended."""

    conversation_id: str
    turn_id: str
    end_seq: int | None = None


class TurnFinder:
    """Finds turns by their ids."""

    def __init__(
        self, turns: TurnsInFlight, rows: TurnRows, conversations: Conversations, clock: Callable[[], float]
    ) -> None:
        self._turns = turns
        self._rows = rows
        self._conversations = conversations
        self._clock = clock

    async def find(self, user_id: str, turn_id: str) -> Place | None:
        """Waits a moment for a turn that nobody has heard of. Raises StoreUnavailable."""
        until = self._clock() + SOON_SECONDS
        place = self._in_flight(user_id, turn_id) or await self._stored(user_id, turn_id)
        while place is None and self._clock() < until:
            await asyncio.sleep(LOOK_SECONDS)
            place = self._in_flight(user_id, turn_id)
        return place or await self._stored(user_id, turn_id)

    def _in_flight(self, user_id: str, turn_id: str) -> Place | None:
        turn = self._turns.open_turn(turn_id)
        return Place(turn.conversation_id, turn_id) if turn is not None and turn.user_id == user_id else None

    async def _stored(self, user_id: str, turn_id: str) -> Place | None:
        row = await self._rows.load(turn_id)
        if row is None or row.user_id != user_id:
            return None
        conversation = await self._conversations.get(user_id, row.conversation_id)
        if conversation is not None and conversation.deleted:
            return None
        return Place(row.conversation_id, turn_id, None if row.finish is None else row.finish.terminal_seq)
