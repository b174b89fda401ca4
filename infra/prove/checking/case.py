"""One turn with all that can be read from it once, for the rules.

In: a turn of a history. Out: `Case`: each client's reading, the topic's, and everything that stands out of its row.
"""

from dataclasses import dataclass

from infra.prove.checking.client_reading import ClientReading, read
from infra.prove.checking.irregular import Irregular, Kind
from infra.prove.checking.said import find_unsaid
from infra.prove.checking.topic_reading import TopicReading, read_topic
from infra.prove.checking.turns import History, Turn
from infra.prove.checking.violations import Finding, Violation
from samvad_client.reducer import apply
from samvad_client.turn_view import TurnView
from schemas import codec
from schemas.statuses import TurnStatus
from store.rows import Finish


@dataclass(slots=True, eq=False)
class Case:
    """`clients`: by client. `published_text`: by attempt, what the topic's frames show when applied by number."""

    turn: Turn
    history: History
    clients: dict[str, ClientReading]
    topic: TopicReading
    published_text: dict[int, str]
    irregular: list[Irregular]

    @property
    def finish(self) -> Finish | None:
        return None if self.turn.row is None else self.turn.row.finish

    @property
    def was_stopped(self) -> bool:
        """By the store's word, or else by what a client was told."""
        if self.finish is not None:
            return self.finish.status is TurnStatus.STOPPED
        ends = [reading.end for reading in self.clients.values()]
        return any(end is not None and end[0] is TurnStatus.STOPPED for end in ends)

    def of_kind(self, *kinds: Kind) -> list[Irregular]:
        return [irregular for irregular in self.irregular if irregular.kind in kinds]

    def finding(self, violation: Violation, detail: object) -> Finding:
        return Finding(violation, self.turn.turn_id, str(detail))


def case_of(turn: Turn, history: History) -> Case:
    """Reads a turn at every client and in the topic, and its words against the provider's."""
    clients = {client: read(client, frames) for client, frames in turn.seen.items()}
    topic = read_topic(turn.published)
    texts = {attempt: _text_of(frames) for attempt, frames in topic.attempts.items()}
    irregular = [each for reading in clients.values() for each in reading.irregular]
    irregular += topic.irregular + _unsaid(turn, history, texts)
    return Case(turn, history, clients, topic, texts, irregular)


def _text_of(frames: dict[int, bytes]) -> str:
    view = TurnView(conversation_id="")
    for _, raw in sorted(frames.items()):
        apply(view, codec.decode_turn_frame(raw))
    return view.answer


def _unsaid(turn: Turn, history: History, texts: dict[int, str]) -> list[Irregular]:
    """Nothing is said of answers that are not practice answers."""
    if not turn.calls or any(call.seed is None for call in turn.calls):
        return []
    own = {call.seed for call in turn.calls if call.seed is not None and call.ended != "refused"}
    user_id = "" if turn.asked is None else turn.asked.user_id

    def is_foreign(seed: int) -> bool:
        users = history.users_of_seed.get(seed, set())
        return bool(users) and user_id not in users

    return [each for text in texts.values() for each in find_unsaid(text, own, is_foreign)]
