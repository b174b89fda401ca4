"""Everything a client holds, and what it has to say next: the protocol's client side without I/O. Pure.

In: what the user wants (`ask`, `watch`, `stop`), a new connection (`opened`), and every server frame (`receive`).
Out: the client frames to send, and which conversations changed. The shell is `client.py`.
"""

import uuid
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from samvad_client.conversation_view import ConversationView
from samvad_client.outbox import Asking, Outbox
from samvad_client.reducer import Applied
from samvad_client.turn_view import NOTHING_APPLIED, TurnView
from schemas.client_frames import AnyClientFrame, Send, Stop, Unwatch, Watch
from schemas.errors import ErrorCode
from schemas.frames import (
    Accepted,
    AnyServerFrame,
    AnyTurnFrame,
    ErrorFrame,
    Queued,
    Rejected,
    TurnFrame,
    Watching,
)
from schemas.statuses import TurnStatus


@dataclass(slots=True)
class Reaction:
    """What a frame leads to. `retry_later`: say `retry()` after a pause, something temporary was in the way."""

    say: list[AnyClientFrame] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    retry_later: bool = False


class ClientState:
    """The conversations of one client, its unfinished requests, and the turns that were asked for by name.

    Those are the turns that a `watch` of this session named, and of which nothing was applied since. Replies are not
    matched with the `watch` that they answer: an `error` in the place of one does not say which it was.
    """

    def __init__(self) -> None:
        self.conversations: dict[str, ConversationView] = {}
        self._outbox = Outbox()
        self._watch_again = False
        self._ask_again: set[str] = set()
        self._asked_by_name: set[str] = set()

    def conversation(self, conversation_id: str) -> ConversationView:
        """The view of a conversation, from now on kept up to date."""
        return self.conversations.setdefault(conversation_id, ConversationView(conversation_id))

    def ask(self, asking: Asking) -> list[AnyClientFrame]:
        conversation = self.conversation(str(asking.conversation_id))
        # A question that is answered again is told with the turn's first frame.
        text = asking.text if isinstance(asking, Send) else ""
        conversation.expect(str(asking.request_id), text, asking.model or "")
        self._outbox.add(asking)
        return [asking]

    def watch(self, conversation_id: str) -> list[AnyClientFrame]:
        conversation = self.conversation(conversation_id)
        return [self._watch(conversation, conversation.cursors())]

    def unwatch(self, conversation_id: str) -> list[AnyClientFrame]:
        """Forgets the conversation and what was asked in it; its turns go on without this client."""
        for turn in self.conversation(conversation_id).turns:
            self._outbox.forget(turn.request_id)
        del self.conversations[conversation_id]
        return [Unwatch(uuid.UUID(conversation_id))]

    def stop(self, turn: TurnView) -> list[AnyClientFrame]:
        """Asks for a stop, and remembers it: a new connection asks again until the turn has ended."""
        if turn.has_ended:
            return []
        turn.stop_asked = True
        turn.version += 1
        return [_stop(turn)]

    def opened(self) -> list[AnyClientFrame]:
        """All that a new connection must hear: what to resume, and what may never have been heard."""
        self._asked_by_name.clear()
        self._watch_again = False
        self._ask_again.clear()
        frames = [frame for conversation_id in self.conversations for frame in self.watch(conversation_id)]
        unconfirmed = self._outbox.unconfirmed()
        return [*frames, *self._said_again(unconfirmed, {str(asking.request_id) for asking in unconfirmed})]

    def retry(self) -> list[AnyClientFrame]:
        """After something temporary: the requests that it was about, stops, and if it was about watching, that too.

        What the edge has not answered yet is not said twice: one of the two might be refused, and the other accepted.
        A turn that has an id is stopped when its `watching` has come, or once the edge knows it.
        """
        frames: list[AnyClientFrame] = []
        if self._watch_again:
            waiting = [c for c in self.conversations.values() if c.watched == 0 or c.open_turns()]
            frames = [self._watch(conversation, conversation.cursors()) for conversation in waiting]
        self._watch_again = False
        frames += self._said_again(self._outbox.unconfirmed(), self._ask_again)
        self._ask_again.clear()
        return frames

    def receive(self, frame: AnyServerFrame) -> Reaction:
        match frame:
            case TurnFrame() | Queued():
                return self._take_turn_frame(frame)
            case Accepted():
                return self._take_accepted(frame)
            case Rejected():
                return self._take_rejected(frame)
            case Watching():
                return self._take_watching(frame)
            case ErrorFrame():
                return self._take_error(frame)
            case _:
                return Reaction()

    def _said_again(self, unconfirmed: Iterable[Asking], to_ask: Collection[str]) -> list[AnyClientFrame]:
        frames: list[AnyClientFrame] = []
        for send in unconfirmed:
            if str(send.request_id) in to_ask:
                frames.append(send)
            turn = self.conversations[str(send.conversation_id)].turn_of(str(send.request_id))
            if turn is not None and turn.stop_asked and turn.turn_id is None:
                frames.append(_stop(turn))
        return frames

    def _watch(self, conversation: ConversationView, after: dict[str, int]) -> Watch:
        self._asked_by_name |= after.keys()
        cursors = {uuid.UUID(turn_id): seq for turn_id, seq in after.items()}
        return Watch(uuid.UUID(conversation.conversation_id), cursors)

    def _take_turn_frame(self, frame: AnyTurnFrame | Queued) -> Reaction:
        conversation = self.conversations.get(frame.conversation_id)
        if conversation is None:
            return Reaction()
        applied = conversation.apply(frame)
        self._settle(conversation, frame.turn_id)
        if applied is Applied.DROPPED:
            return Reaction()
        self._asked_by_name.discard(frame.turn_id)
        say: list[AnyClientFrame] = []
        if applied is Applied.HOLE:
            say.append(self._watch(conversation, conversation.cursors()))
        return Reaction([*say, *_stop_owed(conversation, frame.turn_id)], [conversation.conversation_id])

    def _settle(self, conversation: ConversationView, turn_id: str) -> None:
        turn = conversation.turn(turn_id)
        if turn is None or turn.request_id is None:
            return
        # A frame of the turn says what `accepted` says, and may overtake it.
        self._outbox.confirm(turn.request_id)
        if turn.has_ended:
            self._outbox.forget(turn.request_id)

    def _take_accepted(self, frame: Accepted) -> Reaction:
        send = self._outbox.find(frame.request_id)
        if send is None:
            return Reaction()
        conversation = self.conversations[str(send.conversation_id)]
        conversation.bind(frame.request_id, frame.turn_id)
        self._settle(conversation, frame.turn_id)
        return Reaction(_stop_owed(conversation, frame.turn_id), [conversation.conversation_id])

    def _take_rejected(self, frame: Rejected) -> Reaction:
        """What was accepted ends by a frame of its turn (G1): nothing else said of its request ends it."""
        send = self._outbox.find(frame.request_id)
        if send is None or not self._outbox.is_unconfirmed(frame.request_id):
            return Reaction()
        self._outbox.forget(frame.request_id)
        conversation = self.conversations[str(send.conversation_id)]
        turn = conversation.turn_of(frame.request_id)
        if turn is not None:
            turn.rejection, turn.code, turn.failure = frame, frame.code, frame.text
            turn.version += 1
        return Reaction(changed=[conversation.conversation_id])

    def _take_watching(self, frame: Watching) -> Reaction:
        conversation = self.conversations.get(frame.conversation_id)
        if conversation is None:
            return Reaction()
        conversation.note(frame)
        say = [*self._send_unknown(conversation, frame), *self._ask_for_missing(conversation, frame)]
        say += [_stop(turn) for turn in conversation.open_turns() if _wants_stop(turn)]
        return Reaction(say, [conversation.conversation_id])

    def _send_unknown(self, conversation: ConversationView, watching: Watching) -> list[AnyClientFrame]:
        frames: list[AnyClientFrame] = []
        for listed in watching.turns:
            turn = conversation.turn(listed.turn_id)
            if listed.status is not TurnStatus.UNKNOWN or turn is None or turn.has_ended:
                continue
            turn.status, turn.owes_stop = TurnStatus.UNKNOWN, turn.stop_asked
            turn.version += 1
            frames += self._begun_anew(turn)
        return frames

    def _begun_anew(self, turn: TurnView) -> list[AnyClientFrame]:
        """What the edge does not know it will begin anew, with numbers that were seen before."""
        send = self._outbox.find(turn.request_id)
        if send is None or turn.request_id is None or self._outbox.is_unconfirmed(turn.request_id):
            return []  # unconfirmed: it is under way
        turn.seq = NOTHING_APPLIED
        self._outbox.doubt(turn.request_id)
        return [send]

    def _ask_for_missing(self, conversation: ConversationView, watching: Watching) -> list[AnyClientFrame]:
        """An open turn that the reply leaves out has ended meanwhile; only its name in `after` brings its end."""
        missing = conversation.missing_from(watching)
        if missing.keys() <= self._asked_by_name:
            return []
        return [self._watch(conversation, missing)]

    def _take_error(self, frame: ErrorFrame) -> Reaction:
        if frame.code is ErrorCode.UNKNOWN_TURN or (frame.frame_type == "stop" and frame.temporary):
            # A stop overtook what the edge reads of the turn, or went no further: the reply to a watch repeats it.
            self._watch_again = True
            return Reaction(retry_later=True)
        if frame.frame_type == "stop":
            return Reaction()  # `request_id` is the question's, which goes on
        if frame.request_id is not None:
            return self._take_request_error(frame, frame.request_id)
        if frame.frame_type == "watch":
            return self._take_watch_error(frame)
        return Reaction()

    def _take_request_error(self, frame: ErrorFrame, request_id: str) -> Reaction:
        if frame.temporary:
            self._ask_again.add(request_id)
            return Reaction(retry_later=True)
        return self._take_rejected(Rejected(request_id, frame.code, frame.text, temporary=False))

    def _take_watch_error(self, frame: ErrorFrame) -> Reaction:
        self._asked_by_name.clear()
        if frame.temporary:
            self._watch_again = True
            return Reaction(retry_later=True)
        # The frame does not say which conversation it is about; those never watched are the ones that wait.
        refused = [c for c in self.conversations.values() if c.watched == 0]
        for conversation in refused:
            conversation.refusal = frame
        return Reaction(changed=[conversation.conversation_id for conversation in refused])


def _wants_stop(turn: TurnView) -> bool:
    return turn.stop_asked and turn.turn_id is not None and turn.status is not TurnStatus.UNKNOWN


def _stop_owed(conversation: ConversationView, turn_id: str) -> list[AnyClientFrame]:
    """The stop of a turn that an edge did not know, and knows now."""
    turn = conversation.turn(turn_id)
    return [_stop(turn)] if turn is not None and turn.owes_stop and not turn.has_ended else []


def _stop(turn: TurnView) -> Stop:
    turn.owes_stop = False
    if turn.turn_id is not None:
        return Stop(turn_id=uuid.UUID(turn.turn_id))
    return Stop(request_id=uuid.UUID(turn.request_id), conversation_id=uuid.UUID(turn.conversation_id))
