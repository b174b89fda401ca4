"""What is measured of an answer's pace, and where."""

from schemas.ids import new_id
from tests.edge_turns import Turn, reply
from ws_edge.feed import Feed
from ws_edge.hub import Hub
from ws_edge.outbox import Outbox
from ws_edge.pace import Pace
from ws_edge.turns_in_flight import TurnsInFlight


class Scene:
    """A hub whose pace is noted, and one turn; whether somebody watches it is the test's to say."""

    def __init__(self, is_watched: bool = True) -> None:
        self.first_deltas: list[float] = []
        self.gaps: list[float] = []
        self.hub = Hub(TurnsInFlight(), Pace(self.first_deltas.append, self.gaps.append))
        self.turn = Turn(new_id())
        if is_watched:
            feed = Feed(self.turn.user_id, self.hub.turns, Outbox(10**6, 10**6))
            self.hub.join(feed)
            self.hub.watch(feed, self.turn.conversation_id)

    def hears(self, frame: object, at: float) -> None:
        self.hub.route(self.turn.user_id, *reply(frame), at)  # type: ignore[arg-type]

    def accepts(self, at: float) -> None:
        self.hears(self.turn.asked(), at)
        self.hub.note_accepted(self.turn.turn_id, at)


def test_the_first_delta_is_measured_from_accepted_and_the_others_from_the_one_before() -> None:
    scene = Scene()
    scene.accepts(at=10)
    scene.hears(scene.turn.started(), 10.5)
    for at in (11, 11.25, 12.25):
        scene.hears(scene.turn.delta(), at)
    assert (scene.first_deltas, scene.gaps) == ([1], [0.25, 1])


def test_an_edge_that_did_not_accept_the_turn_measures_gaps_only() -> None:
    scene = Scene()
    scene.hears(scene.turn.asked(), 10)
    scene.hears(scene.turn.started(), 10.5)
    scene.hears(scene.turn.delta(), 11)
    scene.hears(scene.turn.delta(), 12)
    assert (scene.first_deltas, scene.gaps) == ([], [1])


def test_a_takeover_is_a_gap_and_repeats_are_not() -> None:
    scene = Scene()
    scene.accepts(at=10)
    scene.hears(scene.turn.started(), 10.5)
    repeated = scene.turn.delta()
    scene.hears(repeated, 11)
    scene.hears(repeated, 12)
    scene.hears(scene.turn.started(), 19)
    scene.hears(scene.turn.delta(), 20)
    assert (scene.first_deltas, scene.gaps) == ([1], [9])


def test_what_nobody_watches_is_not_measured() -> None:
    scene = Scene(is_watched=False)
    scene.accepts(at=10)
    scene.hears(scene.turn.started(), 10.5)
    scene.hears(scene.turn.delta(), 11)
    assert (scene.first_deltas, scene.gaps) == ([], [])
