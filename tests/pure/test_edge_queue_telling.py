"""When who watches an unstarted turn is told where it stands."""

import pytest

from schemas import codec
from schemas.frames import Queued
from schemas.ids import new_id, seq_of
from tests.edge_turns import Turn, reply
from ws_edge.clocks import Clocks
from ws_edge.feed import Feed
from ws_edge.hub import Hub
from ws_edge.outbox import Outbox
from ws_edge.queue_telling import MOST_AT_ONCE, QueueTeller
from ws_edge.turns_in_flight import TurnsInFlight


class Scene:
    """An edge's hub with its teller; `at` is the time, and `told` what a feed was told of turns that wait."""

    def __init__(self) -> None:
        self.at = 100.0
        self.hub = Hub(TurnsInFlight())
        self.teller = QueueTeller(self.hub, Clocks(now=lambda: self.at), lambda: True)
        self.hub.note_waiting = self.teller.note
        self.user_id = new_id()

    def feed(self, outbox_bytes: int = 10**6) -> Feed:
        feed = Feed(self.user_id, self.hub.turns, Outbox(outbox_bytes, 10**6))
        self.hub.join(feed)
        return feed

    def turn(self) -> Turn:
        return Turn(self.user_id)

    def hears(self, *frames: object) -> None:
        for frame in frames:
            self.hub.route(self.user_id, *reply(frame), self.at)  # type: ignore[arg-type]

    def told(self, feed: Feed, seconds: float) -> list[float]:
        """Seconds until each `queued`, while time passes in small steps."""
        began, moments = self.at, []
        while self.at < began + seconds:
            self.at += 0.125
            self.teller.tell()
            while (raw := feed.next_to_send()) is not None:
                if isinstance(codec.decode_server_frame(raw), Queued):
                    moments.append(self.at - began)
        return moments


@pytest.fixture
def scene() -> Scene:
    return Scene()


def test_first_after_half_a_second_then_once_a_second(scene: Scene) -> None:
    feed, turn = scene.feed(), scene.turn()
    scene.hub.watch(feed, turn.conversation_id)
    scene.hears(turn.asked())
    assert scene.told(feed, 4) == [0.5, 1.5, 2.5, 3.5]


def test_not_more_often_however_often_it_is_asked_and_watched(scene: Scene) -> None:
    feed, other, turn = scene.feed(), scene.feed(), scene.turn()
    for _ in range(3):
        scene.hears(turn.asked())
        scene.hub.watch(feed, turn.conversation_id)
        scene.hub.watch(other, turn.conversation_id)
    assert scene.told(feed, 4) == [0.5, 1.5, 2.5, 3.5]
    assert len(other.outbox) == 4, "as often on the other device"


def test_nothing_of_a_turn_that_starts_in_time_and_nothing_more_once_it_started(scene: Scene) -> None:
    feed, soon, late = scene.feed(), scene.turn(), scene.turn()
    for turn in (soon, late):
        scene.hub.watch(feed, turn.conversation_id)
        scene.hears(turn.asked())
    scene.hears(soon.started())
    assert scene.told(feed, 0.875) == [0.5]
    scene.hears(late.started())
    assert scene.told(feed, 5) == []


def test_nothing_while_nobody_watches_and_again_when_somebody_does(scene: Scene) -> None:
    feed, turn = scene.feed(), scene.turn()
    scene.hears(turn.asked())
    assert scene.told(feed, 5) == []
    for _ in range(2):
        scene.hub.watch(feed, turn.conversation_id)
        assert scene.told(feed, 1) == [0.5]
        scene.hub.unwatch(feed, turn.conversation_id)
        assert scene.told(feed, 5) == []


def test_a_worker_that_says_why_a_turn_waits_is_not_talked_over(scene: Scene) -> None:
    feed, turn = scene.feed(), scene.turn()
    scene.hub.watch(feed, turn.conversation_id)
    scene.hears(turn.asked(), turn.queued())
    assert scene.told(feed, 5) == [0.125], "the worker's own"


def test_who_has_seen_the_start_at_another_edge_is_not_told_that_it_waits(scene: Scene) -> None:
    feed, turn = scene.feed(), scene.turn()
    scene.hears(turn.asked())
    feed.send_missing(turn.conversation_id, turn.turn_id, seq_of(1, 3))
    scene.hub.watch(feed, turn.conversation_id)
    assert scene.told(feed, 5) == []


def test_who_reads_too_slowly_is_spared_it(scene: Scene) -> None:
    feed, turn = scene.feed(outbox_bytes=10), scene.turn()
    scene.hub.watch(feed, turn.conversation_id)
    scene.hears(turn.asked())
    scene.at += 1
    scene.teller.tell()
    assert len(feed.outbox) == 1, "what was asked"


def test_a_crowd_that_waits_is_told_in_turns_and_everybody_is(scene: Scene) -> None:
    feed, waiting = scene.feed(), 3 * MOST_AT_ONCE
    for _ in range(waiting):
        turn = scene.turn()
        scene.hub.watch(feed, turn.conversation_id)
        scene.hears(turn.asked())
    scene.at += 1
    for told in range(MOST_AT_ONCE, waiting + 1, MOST_AT_ONCE):
        scene.teller.tell()
        assert len(feed.outbox) == waiting + told
    scene.teller.tell()
    assert len(feed.outbox) == 2 * waiting, "once a second"
