"""What a session is owed while it reads nothing."""

from schemas.frames import Snapshot
from schemas.ids import new_id
from tests.edge_turns import Turn
from tests.pure.test_edge_hub import Edge, heard
from ws_edge.feed import Feed
from ws_edge.turns_in_flight import Stored

LONG = "0123456789" * 1_000


def crowded_by_another(edge: Edge, turn: Turn) -> Feed:
    """A feed with so much else to read that it has to wait for this turn, of which it was sent `started`."""
    feed = edge.feed(turn, outbox_bytes=2_000)
    other = Turn(turn.user_id, turn.conversation_id)
    edge.publish(turn, turn.started(), turn.delta("abc " * 10))
    while not feed.outbox.is_crowded:
        edge.publish(other, other.started())
    edge.publish(turn, turn.delta("def "))
    return feed


def test_what_the_store_says_of_many_long_turns_waits_until_there_is_room() -> None:
    edge = Edge()
    user_id, conversation_id = new_id(), new_id()
    turns = [Turn(user_id, conversation_id) for _ in range(40)]
    feed = edge.feed(turns[0], outbox_bytes=5_000, hard_bytes=10_000)
    for turn in turns:
        turn.started(), turn.delta(LONG)
        feed.await_turn(conversation_id, turn.turn_id)
        assert edge.learn(turn, Stored(turn.row(), turn.checkpoint()))
    assert len(feed.outbox) == 1
    assert not feed.outbox.is_overflowed
    assert {frame.turn_id for frame in heard(feed) if isinstance(frame, Snapshot)} == {turn.turn_id for turn in turns}


def test_a_switch_adds_nothing_to_what_a_crowded_reader_is_owed() -> None:
    edge, turn = Edge(), Turn()
    feed = crowded_by_another(edge, turn)
    waiting = len(feed.outbox)
    edge.publish(turn, turn.switched(keep=10), turn.delta("on"))
    assert len(feed.outbox) == waiting
    *_, snapshot = heard(feed)
    assert isinstance(snapshot, Snapshot)
    assert snapshot.text == turn.text
