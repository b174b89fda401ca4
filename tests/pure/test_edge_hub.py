"""Who hears what: live frames, catching up, slow readers, holes."""

from schemas import codec
from schemas.frames import AnyServerFrame, ConversationChanged, ServerFrame, Snapshot
from schemas.headers import ReplyAddress
from schemas.ids import new_id, seq_of
from schemas.statuses import TurnStatus
from tests.edge_turns import Turn, answer_frames, reply
from ws_edge.feed import Feed
from ws_edge.hub import Hub
from ws_edge.outbox import Outbox
from ws_edge.turns_in_flight import Stored, TurnsInFlight


class Edge:
    """A hub, what was asked of the store, and feeds that watch."""

    def __init__(self) -> None:
        self.hub = Hub(TurnsInFlight())
        self.looked_up: list[str] = []
        self.hub.look_up = lambda _user, _conversation, turn_id: self.looked_up.append(turn_id)

    def feed(self, turn: Turn, outbox_bytes: int = 10**6, hard_bytes: int = 10**7) -> Feed:
        feed = Feed(turn.user_id, self.hub.turns, Outbox(outbox_bytes, hard_bytes))
        self.hub.join(feed)
        feed.watched.add(turn.conversation_id)
        self.hub.watch(feed, turn.conversation_id)
        return feed

    def publish(self, turn: Turn, *frames: ServerFrame) -> None:
        for frame in frames:
            self.hub.route(turn.user_id, *reply(frame), now=0)

    def learn(self, turn: Turn, stored: Stored) -> bool:
        return self.hub.learn(turn.user_id, turn.conversation_id, turn.turn_id, stored, now=0)


def heard(feed: Feed) -> list[AnyServerFrame]:
    frames = []
    while (raw := feed.next_to_send()) is not None:
        frames.append(codec.decode_server_frame(raw))
    return frames


def kinds(feed: Feed) -> list[str]:
    return [codec.kind_of(frame) for frame in heard(feed)]


def only_snapshot(feed: Feed) -> Snapshot:
    (frame,) = heard(feed)
    assert isinstance(frame, Snapshot)
    return frame


def test_live_frames_go_to_those_who_watch_and_to_nobody_else() -> None:
    edge, turn, other = Edge(), Turn(), Turn()
    watching, elsewhere = edge.feed(turn), edge.feed(other)
    stranger = edge.feed(Turn(conversation_id=turn.conversation_id))
    frames = [turn.asked(), turn.queued(), *answer_frames(turn, 2)]
    edge.publish(turn, *frames)
    assert heard(watching) == frames
    assert heard(elsewhere) == heard(stranger) == []


def test_the_bytes_that_came_are_the_bytes_that_leave() -> None:
    edge, turn = Edge(), Turn()
    feed = edge.feed(turn)
    address, raw = reply(turn.started())
    edge.hub.route(turn.user_id, address, raw, now=0)
    assert feed.next_to_send() is raw


def test_nothing_is_heard_after_unwatching_or_leaving() -> None:
    edge, turn = Edge(), Turn()
    unwatching, leaving = edge.feed(turn), edge.feed(turn)
    edge.publish(turn, turn.started())
    edge.hub.unwatch(unwatching, turn.conversation_id)
    edge.hub.leave(leaving)
    edge.publish(turn, turn.delta())
    assert kinds(unwatching) == kinds(leaving) == ["started"]
    assert not edge.hub.is_awaited(turn.user_id, turn.conversation_id, turn.turn_id)


def test_a_changed_list_is_told_to_all_sessions_of_the_user() -> None:
    edge, turn = Edge(), Turn()
    mine, also_mine = edge.feed(turn), edge.feed(Turn(user_id=turn.user_id))
    theirs = edge.feed(Turn())
    edge.publish(turn, ConversationChanged(turn.conversation_id, "Trees", "2026-03-01T12:00:00.000Z"))
    assert kinds(mine) == kinds(also_mine) == ["conversation"]
    assert kinds(theirs) == []


def test_an_edge_behind_a_clients_cursor_sends_nothing_until_it_has_passed_it() -> None:
    edge, turn = Edge(), Turn()
    feed = edge.feed(turn)
    started, one, two, three = turn.started(), turn.delta("1"), turn.delta("2"), turn.delta("3")
    edge.publish(turn, started)
    heard(feed)
    feed.send_missing(turn.conversation_id, turn.turn_id, seq_of(1, 2))
    edge.publish(turn, one, two)
    assert heard(feed) == []
    edge.publish(turn, three)
    assert heard(feed) == [three]


def test_a_client_with_a_cursor_beyond_the_end_still_learns_of_it() -> None:
    edge, turn = Edge(), Turn()
    feed = edge.feed(turn)
    edge.publish(turn, turn.started())
    heard(feed)
    feed.send_missing(turn.conversation_id, turn.turn_id, seq_of(9, 9))
    edge.publish(turn, turn.delta("all"), turn.completed())
    snapshot = only_snapshot(feed)
    assert (snapshot.status, snapshot.text) == (TurnStatus.COMPLETED, "all")


def test_at_a_hole_nothing_more_is_sent_but_one_snapshot() -> None:
    edge, turn = Edge(), Turn()
    feed = edge.feed(turn)
    edge.publish(turn, turn.started(), turn.delta("one "))
    turn.delta("lost ")
    edge.publish(turn, turn.delta("held "))
    assert kinds(feed) == ["started", "delta"]
    assert edge.looked_up == [turn.turn_id]
    stored = Stored(turn.row(), turn.checkpoint())
    edge.publish(turn, turn.delta("held too "))
    assert edge.learn(turn, stored)
    assert only_snapshot(feed).text == "one lost held held too "
    edge.publish(turn, turn.delta("live"))
    assert kinds(feed) == ["delta"]


def test_a_hole_that_the_store_cannot_fill_yet_is_asked_for_again() -> None:
    edge, turn = Edge(), Turn()
    feed = edge.feed(turn)
    turn.started()
    early = turn.checkpoint()
    turn.delta()
    edge.publish(turn, turn.delta())
    assert not edge.learn(turn, Stored(turn.row(), early))
    assert edge.hub.is_awaited(turn.user_id, turn.conversation_id, turn.turn_id)
    assert heard(feed) == []


def test_a_new_attempt_closes_a_hole() -> None:
    edge, turn = Edge(), Turn()
    feed = edge.feed(turn)
    edge.publish(turn, turn.started())
    turn.delta()
    edge.publish(turn, turn.delta("held"), turn.started(), turn.delta("fresh"))
    assert [getattr(frame, "seq", None) for frame in heard(feed)] == [seq_of(1, 0), seq_of(2, 0), seq_of(2, 1)]


def test_an_end_first_met_behind_a_hole_comes_from_the_store() -> None:
    edge, turn = Edge(), Turn()
    feed = edge.feed(turn)
    edge.publish(turn, turn.started())
    turn.delta("lost")
    terminal = turn.completed()
    edge.publish(turn, terminal)
    assert kinds(feed) == ["started"]
    assert edge.learn(turn, Stored(turn.ended_row(terminal)))
    snapshot = only_snapshot(feed)
    assert (snapshot.seq, snapshot.status, snapshot.text) == (terminal.seq, TurnStatus.COMPLETED, "lost")


def test_an_end_that_only_the_store_knows_reaches_all_who_follow_once() -> None:
    edge, turn = Edge(), Turn()
    feed = edge.feed(turn)
    edge.publish(turn, turn.started(), turn.delta("all"))
    heard(feed)
    terminal = turn.completed()
    stored = Stored(turn.ended_row(terminal))
    assert edge.learn(turn, stored)
    assert only_snapshot(feed).status is TurnStatus.COMPLETED
    edge.publish(turn, terminal)
    assert edge.learn(turn, stored)
    assert heard(feed) == []


def test_an_old_word_of_the_store_after_the_end_keeps_those_waiting_who_need_the_end() -> None:
    edge, turn = Edge(), Turn()
    feed = edge.feed(turn)
    turn.started()
    early = Stored(turn.row(), turn.checkpoint())
    turn.delta("lost")
    terminal = turn.completed()
    edge.publish(turn, terminal)
    assert not edge.learn(turn, early)
    assert edge.learn(turn, Stored(turn.ended_row(terminal)))
    assert only_snapshot(feed).text == "lost"


def test_who_waits_and_turns_out_to_have_the_end_is_sent_nothing() -> None:
    edge, turn = Edge(), Turn()
    feed = edge.feed(turn)
    *_, terminal = answer_frames(turn, 1)
    feed.await_turn(turn.conversation_id, turn.turn_id, terminal.seq)
    assert edge.learn(turn, Stored(turn.ended_row(terminal)))
    assert heard(feed) == []
    assert not edge.hub.is_awaited(turn.user_id, turn.conversation_id, turn.turn_id)


def test_who_waits_for_a_turn_that_is_not_there_waits_no_more() -> None:
    edge, turn = Edge(), Turn()
    feed = edge.feed(turn)
    feed.await_turn(turn.conversation_id, turn.turn_id, 5)
    assert edge.learn(turn, Stored(None))
    assert not edge.hub.is_awaited(turn.user_id, turn.conversation_id, turn.turn_id)


def test_a_waiting_session_is_served_by_the_first_live_frame_that_can() -> None:
    edge, turn = Edge(), Turn()
    feed = edge.feed(turn)
    feed.await_turn(turn.conversation_id, turn.turn_id)
    started = turn.started()
    edge.publish(turn, started)
    assert heard(feed) == [started]
    edge.publish(turn, delta := turn.delta())
    assert heard(feed) == [delta]


def test_a_slow_readers_deltas_give_way_to_one_snapshot_when_it_reads_again() -> None:
    edge, turn = Edge(), Turn()
    slow, quick = edge.feed(turn, outbox_bytes=2000), edge.feed(turn)
    edge.publish(turn, turn.started(), *(turn.delta(f"{n} ") for n in range(200)))
    assert slow.outbox.waiting_bytes < 3000
    assert len(heard(quick)) == 201
    started, snapshot = heard(slow)
    assert isinstance(snapshot, Snapshot)
    assert (codec.kind_of(started), snapshot.text, snapshot.seq) == ("started", turn.text, seq_of(1, 200))
    edge.publish(turn, delta := turn.delta())
    assert heard(slow) == [delta]


def test_the_end_of_a_turn_finds_a_slow_reader_with_the_whole_text_before_it() -> None:
    edge, turn = Edge(), Turn()
    slow = edge.feed(turn, outbox_bytes=2000)
    edge.publish(turn, turn.started(), *(turn.delta(f"{n} ") for n in range(200)), turn.completed())
    started, snapshot, completed = heard(slow)
    assert isinstance(snapshot, Snapshot)
    assert (snapshot.text, snapshot.status, snapshot.seq) == (turn.text, TurnStatus.RUNNING, seq_of(1, 200))
    assert [codec.kind_of(frame) for frame in (started, completed)] == ["started", "completed"]


def test_a_switch_finds_a_slow_reader_with_the_text_that_it_cuts() -> None:
    edge, turn = Edge(), Turn()
    slow = edge.feed(turn, outbox_bytes=2000)
    edge.publish(turn, turn.started(), *(turn.delta("abc ") for _ in range(100)))
    before = turn.text
    edge.publish(turn, turn.switched(keep=10), turn.delta("on"))
    _, snapshot, switched, delta = heard(slow)
    assert isinstance(snapshot, Snapshot)
    assert snapshot.text == before
    assert [codec.kind_of(frame) for frame in (switched, delta)] == ["switched", "delta"]


def test_a_new_attempt_needs_no_snapshot_of_the_old_one() -> None:
    edge, turn = Edge(), Turn()
    slow = edge.feed(turn, outbox_bytes=2000)
    edge.publish(turn, turn.started(), *(turn.delta("abc ") for _ in range(100)), turn.started())
    assert kinds(slow) == ["started", "started"]


def test_a_slow_reader_of_a_turn_with_a_hole_is_owed_one_snapshot_only() -> None:
    edge, turn = Edge(), Turn()
    slow = edge.feed(turn, outbox_bytes=2000)
    edge.publish(turn, turn.started(), *(turn.delta("abc ") for _ in range(100)))
    turn.delta("lost ")
    edge.publish(turn, turn.delta("held "))
    assert kinds(slow) == ["started"]
    edge.learn(turn, Stored(turn.row(), turn.checkpoint()))
    assert only_snapshot(slow).text == turn.text


def test_a_reader_that_reads_nothing_costs_bounded_memory_and_is_marked_for_closing() -> None:
    edge, turn = Edge(), Turn()
    stuck = edge.feed(turn, outbox_bytes=2000, hard_bytes=5000)
    for _ in range(100):
        edge.publish(turn, turn.started(), turn.switched(keep=0))
    assert stuck.outbox.is_overflowed
    assert stuck.outbox.waiting_bytes < 6000


def test_one_users_turn_is_never_shown_under_anothers_conversation_of_the_same_id() -> None:
    edge, turn = Edge(), Turn()
    stranger = edge.feed(Turn(user_id=new_id(), conversation_id=turn.conversation_id))
    edge.publish(turn, turn.asked(), *answer_frames(turn, 1))
    assert heard(stranger) == []


def test_what_edges_tell_each_other_is_handed_to_no_session() -> None:
    hub = Hub(TurnsInFlight())
    feed = Feed("u", hub.turns, Outbox(10_000, 20_000))
    hub.join(feed)
    for kind in ("signed_out", "something newer"):
        hub.route("u", ReplyAddress(kind, ""), b'{"type":"secret"}', now=0)
    assert feed.next_to_send() is None
    hub.route("u", ReplyAddress("conversation", "c"), b'{"type":"conversation"}', now=0)
    assert feed.next_to_send() == b'{"type":"conversation"}'
