"""A request that came before: `accepted` once more, and all there is of its turn in one snapshot (DESIGN 6, details).

In: a repeated request. Out: frames for the session that repeated it; nothing is produced.
"""

import structlog

from schemas.errors import ErrorCode
from schemas.frames import Accepted, error_frame
from schemas.requests import ChatRequest
from store.errors import StoreUnavailable
from ws_edge.feed import Feed
from ws_edge.looking_up import TurnLookup
from ws_edge.shown import Shown, shown_by_store
from ws_edge.turns_in_flight import TurnsInFlight

log = structlog.get_logger(__name__)


class TurnTeller:
    """Tells one session about one turn that this edge knows."""

    def __init__(self, turns: TurnsInFlight, lookup: TurnLookup) -> None:
        self._turns = turns
        self._lookup = lookup

    async def accept_again(self, feed: Feed, request: ChatRequest) -> None:
        """Says `accepted` and the snapshot together; without the store, the snapshot follows when it is back."""
        accepted = Accepted(request.request_id, request.turn_id)
        try:
            snapshot = await self._snapshot(request.user_id, request.conversation_id, request.turn_id)
        except StoreUnavailable:
            log.warning("accepted_again_without_history", turn_id=request.turn_id)
            snapshot = None
            feed.say(error_frame(ErrorCode.HISTORY_UNAVAILABLE, request_id=request.request_id))
        feed.say(accepted)
        if snapshot is not None:
            feed.send_snapshot(request.turn_id, snapshot)
            return
        feed.await_turn(request.conversation_id, request.turn_id)
        self._lookup.want(request.user_id, request.conversation_id, request.turn_id)

    async def how_it_stands(self, user_id: str, conversation_id: str, turn_id: str) -> bytes:
        """A snapshot of a turn of theirs; of one with a hole, what the store has of it. Raises StoreUnavailable."""
        if (snapshot := await self._snapshot(user_id, conversation_id, turn_id)) is not None:
            return snapshot
        stored = await self._lookup.read(user_id, conversation_id, turn_id)
        shown = Shown() if stored.row is None else shown_by_store(stored.row, stored.checkpoint)
        return shown.snapshot(conversation_id, turn_id)

    async def is_stored(self, request: ChatRequest) -> bool:
        """Whether workers have it already, though this edge did not know; without the store nobody can tell."""
        try:
            stored = await self._lookup.look(request.user_id, request.conversation_id, request.turn_id)
        except StoreUnavailable:
            return False
        return stored.row is not None

    async def _snapshot(self, user_id: str, conversation_id: str, turn_id: str) -> bytes | None:
        """From memory, else from the store; None for a turn with a hole. Raises StoreUnavailable."""
        if (snapshot := self._turns.snapshot(turn_id)) is not None:
            return snapshot
        stored = await self._lookup.look(user_id, conversation_id, turn_id)
        if stored.row is not None and stored.row.is_ended:
            return shown_by_store(stored.row, None).snapshot(conversation_id, turn_id)
        return self._turns.snapshot(turn_id)
