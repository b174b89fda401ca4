"""What a client knows of one conversation: its turns in order, and which of them need what. Pure.

In: frames of its turns, the client's own requests, `accepted` and `watching`. Out: the turns, and the cursors to
resume from.
"""

from samvad_client.reducer import Applied, apply
from samvad_client.turn_view import TurnView
from schemas.client_frames import MAX_RESUMED_TURNS
from schemas.frames import AnyTurnFrame, Asked, ErrorFrame, Queued, Started, WatchedTurn, Watching
from schemas.statuses import TurnStatus


class ConversationView:
    """The turns of a conversation, in the order in which this client learned of them.

    `head` is the newest stored message as the last `watching` said; `watched` counts those replies.
    `refusal` is the edge's reason if it will not have the conversation watched.
    """

    def __init__(self, conversation_id: str) -> None:
        self.conversation_id = conversation_id
        self.turns: list[TurnView] = []
        self.head: str | None = None
        self.watched = 0
        self.refusal: ErrorFrame | None = None
        self._by_turn: dict[str, TurnView] = {}
        self._by_request: dict[str, TurnView] = {}

    def turn(self, turn_id: str) -> TurnView | None:
        """The turn of this id, if anything was heard of it."""
        return self._by_turn.get(turn_id)

    def turn_of(self, request_id: str) -> TurnView | None:
        """The turn that answers this request, also before the edge named it."""
        return self._by_request.get(request_id)

    def open_turns(self) -> list[TurnView]:
        """Those that have not ended, oldest first."""
        return [turn for turn in self.turns if not turn.has_ended]

    def expect(self, request_id: str, question: str, model: str) -> TurnView:
        """Shows a request of one's own before the edge named its turn."""
        turn = TurnView(conversation_id=self.conversation_id, request_id=request_id, question=question, model=model)
        self.turns.append(turn)
        self._by_request[request_id] = turn
        return turn

    def bind(self, request_id: str, turn_id: str) -> TurnView:
        """Learns that this request is that turn; frames of it may have come before."""
        mine = self._by_request.get(request_id)
        turn = self._by_turn.get(turn_id) or mine or self._new_turn()
        turn.turn_id, turn.request_id = turn_id, request_id
        self._by_turn[turn_id] = self._by_request[request_id] = turn
        if mine is not None and mine is not turn:
            self._merge(mine, turn)
        return turn

    def apply(self, frame: AnyTurnFrame | Queued) -> Applied:
        """Applies a frame to its turn, which it may be the first to mention."""
        if isinstance(frame, Asked | Started):
            self.bind(frame.request_id, frame.turn_id)
        return apply(self._turn_named(frame.turn_id), frame)

    def note(self, watching: Watching) -> None:
        """Takes in the reply to a `watch`: turns that are open, before their snapshots come."""
        self.watched += 1
        self.head = watching.head
        for listed in watching.turns:
            self._note_turn(listed)

    def cursors(self) -> dict[str, int]:
        """`after` of a `watch`: the newest open turns that can go on from what was applied.

        A turn with a hole is left out: it needs a snapshot. So is another device's turn of which nothing came yet.
        """
        resumable = [turn for turn in self.open_turns() if _can_resume(turn)]
        return {str(turn.turn_id): max(0, turn.seq) for turn in resumable[-MAX_RESUMED_TURNS:]}

    def missing_from(self, watching: Watching) -> dict[str, int]:
        """Cursors of open turns that the reply does not name: they may have ended, and must be asked for by name."""
        named = {listed.turn_id for listed in watching.turns}
        absent = [turn for turn in self.open_turns() if turn.turn_id is not None and turn.turn_id not in named]
        return {str(turn.turn_id): max(0, turn.seq) for turn in absent[-MAX_RESUMED_TURNS:]}

    def _turn_named(self, turn_id: str) -> TurnView:
        turn = self._by_turn.get(turn_id)
        if turn is None:
            turn = self._by_turn[turn_id] = self._new_turn()
            turn.turn_id = turn_id
        return turn

    def _new_turn(self) -> TurnView:
        turn = TurnView(conversation_id=self.conversation_id)
        self.turns.append(turn)
        return turn

    def _merge(self, mine: TurnView, named: TurnView) -> None:
        """Keeps the turn that has frames, in the place and with the question of the one that was shown."""
        self.turns.remove(named)
        self.turns[self.turns.index(mine)] = named
        named.question = named.question or mine.question
        named.stop_asked = named.stop_asked or mine.stop_asked
        named.version = max(named.version, mine.version) + 1

    def _note_turn(self, listed: WatchedTurn) -> None:
        known = self._by_turn.get(listed.turn_id)
        is_news = known is None or known.status is TurnStatus.UNKNOWN
        if is_news and listed.status in (TurnStatus.QUEUED, TurnStatus.RUNNING):
            self._turn_named(listed.turn_id).status = listed.status


def _can_resume(turn: TurnView) -> bool:
    is_known = turn.seq >= 0 or turn.request_id is not None
    return turn.turn_id is not None and is_known and not turn.is_held
