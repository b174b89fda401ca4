"""Looking turns up: one read for all who wait, and no wish is lost."""

import asyncio

import pytest

from schemas import codec
from schemas.frames import ServerFrame
from schemas.ids import new_id
from store.rows import Checkpoint, TurnRow
from tests.edge_turns import Turn, answer_frames, reply
from ws_edge import looking_up
from ws_edge.feed import Feed
from ws_edge.hub import Hub
from ws_edge.looking_up import TurnLookup
from ws_edge.outbox import Outbox
from ws_edge.turns_in_flight import TurnsInFlight


class EmptyStore:
    """Knows no turn, and counts how often it was asked."""

    def __init__(self) -> None:
        self.reads = 0

    async def load(self, turn_id: str) -> TurnRow | None:
        self.reads += 1
        return None

    async def newest(self, turn_id: str) -> Checkpoint | None:
        return None


def task_of(turn_id: str) -> asyncio.Task[object]:
    (task,) = [task for task in asyncio.all_tasks() if turn_id in task.get_name()]
    return task


async def test_a_wish_in_the_very_moment_in_which_a_look_ends_is_looked_up_too() -> None:
    store, where = EmptyStore(), (new_id(), new_id(), new_id())

    def clock() -> float:
        """Asked at the first look's last step; what it leaves to the loop comes right after that look."""
        if store.reads == 1:
            asyncio.get_running_loop().call_soon(lambda: lookup.want(*where))
        return 0.0

    lookup = TurnLookup(store, store, Hub(TurnsInFlight()), clock)
    lookup.want(*where)
    await task_of(where[-1])
    await task_of(where[-1])
    assert store.reads == 2


class Following:
    """An edge that follows a turn to its last word, and one session that watches it."""

    def __init__(self) -> None:
        self.turn, self.hub, store = Turn(), Hub(TurnsInFlight()), EmptyStore()
        self.lookup = TurnLookup(store, store, self.hub, lambda: 0.0)
        self.feed = Feed(self.turn.user_id, self.hub.turns, Outbox(10**6, 10**6))
        self.hub.join(self.feed)
        self.hub.watch(self.feed, self.turn.conversation_id)
        *before, self.end = answer_frames(self.turn, 2)
        self.publish(*before)
        self.heard()
        self.row = self.turn.ended_row(self.end)

    def publish(self, *frames: ServerFrame) -> None:
        for frame in frames:
            self.hub.route(self.turn.user_id, *reply(frame), now=0)

    def heard(self) -> list[str]:
        return list(map(codec.kind_of_encoded, iter(self.feed.next_to_send, None)))


async def beyond(seconds: float) -> None:
    """Lets the loop come to what it was to call later, up to this time."""
    passed = asyncio.Event()
    asyncio.get_running_loop().call_later(seconds, passed.set)
    await passed.wait()


async def test_an_end_that_was_read_is_told_by_the_log_if_that_is_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(looking_up, "LOG_FIRST_SECONDS", 0.01)
    edge = Following()
    edge.lookup.learn_end(edge.row)
    edge.lookup.learn_end(edge.row)
    assert edge.heard() == []
    edge.publish(edge.end)
    assert edge.heard() == ["completed"]
    await beyond(0.02)
    assert edge.heard() == []


async def test_an_end_that_the_log_keeps_to_itself_is_told_by_the_store_and_only_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(looking_up, "LOG_FIRST_SECONDS", 0.01)
    edge = Following()
    edge.lookup.learn_end(edge.row)
    await beyond(0.02)
    assert edge.heard() == ["snapshot"]
    edge.publish(edge.end)
    edge.lookup.learn_end(edge.row)
    assert edge.heard() == []


async def test_an_end_of_a_turn_with_a_hole_is_told_by_the_store_at_once() -> None:
    edge = Following()
    edge.turn.n = 100
    edge.publish(edge.turn.delta())
    edge.heard()
    edge.lookup.learn_end(edge.row)
    assert edge.heard() == ["snapshot"]


async def test_no_end_is_told_any_more_once_the_edge_closes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(looking_up, "LOG_FIRST_SECONDS", 0.01)
    edge = Following()
    edge.lookup.learn_end(edge.row)
    await edge.lookup.close()
    await beyond(0.02)
    assert edge.heard() == []


async def test_two_wishes_at_once_are_one_read() -> None:
    store, where = EmptyStore(), (new_id(), new_id(), new_id())
    lookup = TurnLookup(store, store, Hub(TurnsInFlight()), lambda: 0.0)
    lookup.want(*where)
    lookup.want(*where)
    await task_of(where[-1])
    assert store.reads == 1
