"""Lanes: in order within a conversation, at most so many at once, fair between shares, and nothing lost."""

from collections import defaultdict

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from consumers.ordering import Lanes

KEYS = st.sampled_from("abcde")
SHARE_OF = {"a": "x", "b": "x", "c": "x", "d": "y", "e": "z"}


class Lanework(RuleBasedStateMachine):
    """Jobs are numbers; they are added, started and ended in any interleaving."""

    @initialize(max_running=st.integers(1, 3), max_per_share=st.integers(1, 3))
    def open(self, max_running: int, max_per_share: int) -> None:
        self.max_running = max_running
        self.max_per_share = max_per_share
        self.lanes: Lanes[int] = Lanes(max_running, max_per_share)
        self.added: dict[str, list[int]] = defaultdict(list)
        self.started: dict[str, list[int]] = defaultdict(list)
        self.running: set[str] = set()
        self.parked: set[str] = set()
        self.gave_share_up: set[str] = set()
        self.returning: list[str] = []
        self.count = 0

    @rule(key=KEYS)
    def add(self, key: str) -> None:
        self.count += 1
        self.added[key].append(self.count)
        self.lanes.add(key, self.count, SHARE_OF[key])

    @rule()
    def start(self) -> None:
        for key, job in self.lanes.startable():
            assert key not in self.running | self.parked, "a second job of a conversation"
            assert self.open_of(SHARE_OF[key]) < self.max_per_share, "more than the share's part"
            self.running.add(key)
            self.started[key].append(job)
        assert self.lanes.startable() == []
        busy = self.running | self.parked
        idle = [key for key in self.added if key not in busy and self.added[key] != self.started[key]]
        idle = [key for key in idle if self.open_of(SHARE_OF[key]) < self.max_per_share]
        assert len(self.running) == self.max_running or not idle, "room, and a job that could have used it"

    @precondition(lambda self: self.running)
    @rule(data=st.data(), is_open=st.booleans())
    def park(self, data: st.DataObject, is_open: bool) -> None:
        key = data.draw(st.sampled_from(sorted(self.running)))
        self.running.discard(key)
        self.parked.add(key)
        if not is_open:
            self.gave_share_up.add(key)
        self.lanes.park(key, is_open)

    @precondition(lambda self: self.parked - set(self.returning))
    @rule(data=st.data())
    def unpark(self, data: st.DataObject) -> None:
        key = data.draw(st.sampled_from(sorted(self.parked - set(self.returning))))
        self.returning.append(key)
        self.lanes.unpark(key)

    @rule()
    def resume(self) -> None:
        for key in self.lanes.resumable():
            assert key == self.returning.pop(0), "first come, first served"
            self.parked.discard(key)
            self.running.add(key)
        assert len(self.running) == self.max_running or not self.returning, "room, and a job that could have used it"

    @precondition(lambda self: self.running | self.parked)
    @rule(data=st.data())
    def end(self, data: st.DataObject) -> None:
        key = data.draw(st.sampled_from(sorted(self.running | self.parked)))
        self.running.discard(key)
        self.parked.discard(key)
        self.gave_share_up.discard(key)
        self.returning = [other for other in self.returning if other != key]
        self.lanes.done(key)

    def open_of(self, share: str) -> int:
        """A job that gave its place in the share up while it was parked does not get it back."""
        holding = (self.running | self.parked) - self.gave_share_up
        return sum(SHARE_OF[key] == share for key in holding)

    @invariant()
    def jobs_start_in_their_order_and_none_is_lost(self) -> None:
        for key, added in self.added.items():
            started = self.started[key]
            assert started == added[: len(started)]
            assert self.lanes.waiting_for(key) == added[len(started) :]

    @invariant()
    def counts_are_right(self) -> None:
        assert self.lanes.running_count == len(self.running) <= self.max_running
        waiting = sum(map(len, self.added.values())) - sum(map(len, self.started.values()))
        assert self.lanes.waiting_count == waiting + len(self.parked)


TestLanework = Lanework.TestCase


def test_an_idle_conversation_leaves_nothing_behind() -> None:
    lanes: Lanes[int] = Lanes(2)
    lanes.add("a", 1)
    assert lanes.startable() == [("a", 1)]
    lanes.done("a")
    assert not lanes._waiting
    assert not lanes._ready
    assert not lanes._share_of
    assert not lanes._open_by_share


def test_shares_start_in_turn_and_one_with_many_lanes_leaves_room_for_the_others() -> None:
    lanes: Lanes[str] = Lanes(max_running=4, max_per_share=2)
    for number in range(400):
        lanes.add(f"greedy {number}", "many", share="greedy")
    assert [key for key, _ in lanes.startable()] == ["greedy 0", "greedy 1"]
    lanes.add("modest", "one", share="modest")
    assert lanes.startable() == [("modest", "one")]
    lanes.park("greedy 0", is_open=True)
    assert lanes.startable() == [], "what waits for its provider counts for its share"
    lanes.done("greedy 1")
    assert [key for key, _ in lanes.startable()] == ["greedy 2"]
