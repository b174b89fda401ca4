"""Lanes: in order within a conversation, at most so many at once, and nothing lost."""

from collections import defaultdict

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from consumers.ordering import Lanes

KEYS = st.sampled_from("abcde")


class Lanework(RuleBasedStateMachine):
    """Jobs are numbers; they are added, started and ended in any interleaving."""

    @initialize(max_running=st.integers(1, 3))
    def open(self, max_running: int) -> None:
        self.max_running = max_running
        self.lanes: Lanes[int] = Lanes(max_running)
        self.added: dict[str, list[int]] = defaultdict(list)
        self.started: dict[str, list[int]] = defaultdict(list)
        self.running: set[str] = set()
        self.parked: set[str] = set()
        self.returning: list[str] = []
        self.count = 0

    @rule(key=KEYS)
    def add(self, key: str) -> None:
        self.count += 1
        self.added[key].append(self.count)
        self.lanes.add(key, self.count)

    @rule()
    def start(self) -> None:
        for key, job in self.lanes.startable():
            assert key not in self.running | self.parked, "a second job of a conversation"
            self.running.add(key)
            self.started[key].append(job)
        assert self.lanes.startable() == []
        busy = self.running | self.parked
        idle = [key for key in self.added if key not in busy and self.added[key] != self.started[key]]
        assert len(self.running) == self.max_running or not idle, "room, and a job that could have used it"

    @precondition(lambda self: self.running)
    @rule(data=st.data())
    def park(self, data: st.DataObject) -> None:
        key = data.draw(st.sampled_from(sorted(self.running)))
        self.running.discard(key)
        self.parked.add(key)
        self.lanes.park(key)

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
        self.returning = [other for other in self.returning if other != key]
        self.lanes.done(key)

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
