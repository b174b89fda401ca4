"""Events into turns, in one pass.

In: a history's events; those of one client, of one partition and of one conversation in their order, else in any.
Out: `History`, where each turn has all that is known of it.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable

from infra.prove import events
from infra.prove.checking.turns import History, Seen, Turn
from schemas import codec, frames
from schemas.errors import ErrorCode

Stamp = tuple[int, int, int]


def join(history: Iterable[events.AnyEvent]) -> History:
    """Raises nothing for events that don't fit together: that is for the rules to say."""
    joining = _Joining()
    for event in history:
        joining.take(event)
    return joining.joined()


class _Joining:
    """What is remembered between events. A resume is known by a stamp that changed: sessions, watches, accepts."""

    def __init__(self) -> None:
        self._history = History()
        self._turn_of_request: dict[str, str] = {}
        self._sessions: Counter[str] = Counter()
        self._watches: Counter[tuple[str, str]] = Counter()
        self._accepts: Counter[tuple[str, str]] = Counter()
        self._stamps: dict[tuple[str, str], Stamp] = {}
        self._sessions_when_asked: dict[str, int] = {}
        self._calls: list[events.Call] = []

    def take(self, event: events.AnyEvent) -> None:
        match event:
            case events.Received():
                self._receive(event)
            case events.Published():
                self._publish(event)
            case events.Connected():
                self._history.user_of_client[event.client] = event.user_id
                self._sessions[event.client] += 1
            case events.Asked():
                self._ask(event)
            case events.StopAsked():
                self._turn(event.turn_id).stops.append(event.at)
            case events.GaveUp():
                self._turn(event.turn_id).gave_up = True
            case _:
                self._take_end_state(event)

    def joined(self) -> History:
        """The history, once all events were taken."""
        self._give_calls_to_turns()
        return self._history

    def _take_end_state(self, event: events.AnyEvent) -> None:
        match event:
            case events.StoredTurn():
                self._turn(event.row.turn_id).row = event.row
            case events.StoredMessage():
                self._store(event)
            case events.Billed():
                self._turn(event.record.turn_id).bills.append(event.record)
            case events.Call():
                self._calls.append(event)
            case events.FaultBegan():
                self._history.faults.append(event)
            case events.FaultEnded():
                self._history.fault_ends.append(event)

    def _turn(self, turn_id: str) -> Turn:
        return self._history.turn(turn_id)

    def _ask(self, asked: events.Asked) -> None:
        self._turn(asked.turn_id).asked = asked
        self._turn_of_request[asked.request_id] = asked.turn_id
        self._sessions_when_asked[asked.request_id] = self._sessions[asked.client]
        self._history.user_of_client.setdefault(asked.client, asked.user_id)

    def _publish(self, record: events.Published) -> None:
        if record.turn_id is not None:
            self._turn(record.turn_id).published.append(record)

    def _store(self, stored: events.StoredMessage) -> None:
        self._history.conversations.setdefault((stored.user_id, stored.conversation_id), []).append(stored)
        if stored.message.turn_id is not None:
            self._turn(stored.message.turn_id).messages.append(stored)

    def _receive(self, received: events.Received) -> None:
        client = received.client
        try:
            frame = codec.decode_server_frame(bytes(received.frame))
        except codec.Unreadable:
            self._history.unreadable.append(client)
            return
        match frame:
            case frames.TurnFrame() | frames.Queued():
                self._see(received, frame)
            case frames.Watching():
                self._watches[client, frame.conversation_id] += 1
            case frames.Accepted():
                self._accept(received, frame)
            case frames.Rejected():
                self._reject(received, frame)
            case frames.ErrorFrame(code=ErrorCode.ACCEPT_UNKNOWN, request_id=str() as request_id):
                self._note_unknown(request_id)

    def _see(self, received: events.Received, frame: frames.AnyTurnFrame | frames.Queued) -> None:
        client, turn_id = received.client, frame.turn_id
        stamp = (
            self._sessions[client],
            self._watches[client, frame.conversation_id],
            self._accepts[client, turn_id],
        )
        may_repeat = self._stamps.get((client, turn_id)) != stamp
        if not isinstance(frame, frames.Queued):  # it has no number, so it does not begin the resume
            self._stamps[client, turn_id] = stamp
        self._turn(turn_id).seen.setdefault(client, []).append(Seen(received.at, frame, may_repeat))

    def _accept(self, received: events.Received, frame: frames.Accepted) -> None:
        self._accepts[received.client, frame.turn_id] += 1
        turn = self._turn(self._turn_of_request.get(frame.request_id, frame.turn_id))
        if turn.accepted_at is None:
            turn.accepted_at = received.at
        if frame.turn_id != turn.turn_id:
            turn.other_ids.add(frame.turn_id)

    def _reject(self, received: events.Received, frame: frames.Rejected) -> None:
        turn_id = self._turn_of_request.get(frame.request_id)
        if turn_id is None:
            return
        turn = self._turn(turn_id)
        turn.is_rejected = True
        was_sent_once = self._sessions_when_asked[frame.request_id] == self._sessions[received.client]
        turn.is_refused = turn.is_refused or (was_sent_once and turn.accepted_at is None)

    def _note_unknown(self, request_id: str) -> None:
        """The request may have been accepted and is sent again: a refusal of one copy refuses nothing."""
        self._sessions_when_asked[request_id] = -1
        if (turn_id := self._turn_of_request.get(request_id)) is not None:
            self._turn(turn_id).is_refused = False

    def _give_calls_to_turns(self) -> None:
        """A call names no turn, but the question that it was asked."""
        by_text: dict[str, list[Turn]] = defaultdict(list)
        for turn in self._history.turns.values():
            if turn.asked is not None:
                by_text[turn.asked.text].append(turn)
        for call in self._calls:
            turns = by_text.get(call.question)
            if not turns:
                self._history.stray_calls.append(call)
                continue
            for turn in turns:
                self._give(call, turn, len(turns) > 1)

    def _give(self, call: events.Call, turn: Turn, is_shared: bool) -> None:
        turn.calls.append(call)
        turn.shares_calls = is_shared
        if call.seed is not None and turn.asked is not None:
            self._history.users_of_seed.setdefault(call.seed, set()).add(turn.asked.user_id)
