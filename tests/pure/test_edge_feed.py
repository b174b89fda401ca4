"""What a session is owed while it reads nothing, and for how long."""

from schemas import codec
from schemas.frames import Snapshot
from schemas.ids import new_id
from tests.edge_turns import Turn
from tests.pure.test_edge_hub import Edge, heard, kinds
from ws_edge.feed import Feed
from ws_edge.hub import Hub
from ws_edge.outbox import Outbox
from ws_edge.turns_in_flight import Stored, TurnsInFlight

LONG = "0123456789" * 1_000


def many_long_turns(edge: Edge) -> list[Turn]:
    """All of one conversation, all running; the edge knows them whole."""
    user_id, conversation_id = new_id(), new_id()
    turns = [Turn(user_id, conversation_id) for _ in range(40)]
    for turn in turns:
        edge.publish(turn, turn.started(), turn.delta(LONG))
    return turns


def owing(edge: Edge, turns: list[Turn], outbox_bytes: int = 5_000) -> Feed:
    """A feed with no room for more than the first."""
    feed = edge.feed(turns[0], outbox_bytes, hard_bytes=2 * outbox_bytes)
    for turn in turns:
        feed.show(turn.turn_id)
    return feed


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


def test_who_watches_no_more_is_owed_nothing() -> None:
    edge = Edge()
    turns = many_long_turns(edge)
    feed = owing(edge, turns)
    edge.hub.unwatch(feed, turns[0].conversation_id)
    assert kinds(feed) == ["snapshot"]


def test_who_watches_another_conversation_is_still_owed_that() -> None:
    edge = Edge()
    turns = many_long_turns(edge)
    feed = owing(edge, turns)
    edge.hub.unwatch(feed, new_id())
    assert kinds(feed) == ["snapshot"] * len(turns)


def test_deltas_of_what_is_watched_no_more_give_way_to_nothing() -> None:
    edge, turn = Edge(), Turn()
    feed = edge.feed(turn, outbox_bytes=2_000)
    edge.publish(turn, turn.started(), turn.delta(), turn.delta())
    edge.hub.unwatch(feed, turn.conversation_id)
    feed.push_unnumbered(b"x" * 2_000)
    assert codec.kind_of_encoded(feed.next_to_send() or b"") == "started"
    assert feed.next_to_send() == b"x" * 2_000
    assert feed.next_to_send() is None


def test_a_session_that_is_over_is_not_called_any_more_and_what_was_queued_is_still_there() -> None:
    calls: list[bytes] = []

    def send_now(raw: bytes) -> bool:
        calls.append(raw)
        return False

    hub = Hub(TurnsInFlight())
    feed = Feed("asha", hub.turns, Outbox(10_000, 20_000), lambda: calls.append(b"wake"), send_now)
    hub.join(feed)
    feed.push_unnumbered(b"before")
    hub.leave(feed)
    assert feed.next_to_send() == b"before"
    feed.push_unnumbered(b"after")
    assert calls == [b"before", b"wake"]
