"""What may be committed: never past an unfinished record, and everything once all is finished (K9, K10)."""

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from consumers.assignment import Assignment
from consumers.offsets import OffsetTracker


class Offsets(RuleBasedStateMachine):
    """Records come with holes between their offsets, and finish in any order; the broker keeps what was committed."""

    def __init__(self) -> None:
        super().__init__()
        self.tracker = OffsetTracker()
        self.taken: list[int] = []
        self.open: set[int] = set()
        self.position = 0

    @rule(gap=st.integers(1, 3), count=st.integers(1, 40))
    def take(self, gap: int, count: int) -> None:
        for _ in range(count):
            offset = (self.taken[-1] if self.taken else -1) + gap
            assert self.tracker.take(offset)
            self.taken.append(offset)
            self.open.add(offset)

    @precondition(lambda self: self.taken)
    @rule(data=st.data())
    def refetch(self, data: st.DataObject) -> None:
        assert not self.tracker.take(data.draw(st.sampled_from(self.taken)))

    @precondition(lambda self: self.open)
    @rule(data=st.data())
    def finish_one(self, data: st.DataObject) -> None:
        self.finish(data.draw(st.sampled_from(sorted(self.open))))

    @precondition(lambda self: self.open)
    @rule()
    def finish_everything(self) -> None:
        for offset in sorted(self.open, reverse=True):
            self.finish(offset)
        self.commit()
        assert self.position == self.taken[-1] + 1

    @rule()
    def commit(self) -> None:
        position = self.tracker.to_commit()
        if position is not None:
            assert position > self.position, "a commit never goes back"
            self.position = position
            self.tracker.committed(position)
        assert self.tracker.to_commit() is None

    def finish(self, offset: int) -> None:
        self.tracker.finish(offset)
        self.open.discard(offset)

    @invariant()
    def nothing_unfinished_is_committed(self) -> None:
        assert all(offset >= self.position for offset in self.open)
        to_commit = self.tracker.to_commit()
        assert to_commit is None or all(offset >= to_commit for offset in self.open)

    @invariant()
    def open_records_are_counted(self) -> None:
        assert self.tracker.open_count == len(self.open)


TestOffsets = Offsets.TestCase


def test_thousands_of_finished_records_take_no_room() -> None:
    tracker = OffsetTracker()
    for offset in range(5_000):
        tracker.take(offset)
        tracker.finish(offset)
        tracker.to_commit()
    assert tracker.to_commit() == 5_000
    assert len(tracker._open) <= 1_001
    assert tracker.open_count == 0


def test_what_finishes_after_a_revocation_commits_nothing() -> None:
    assignment: Assignment[str] = Assignment()
    assignment.assign(["p"])
    before = assignment.tracker("p")
    assert before is not None
    before.take(7)
    assignment.revoke(["p"])
    before.finish(7)
    assert assignment.to_commit() == {}
    assert not assignment.owns("p", before)


def test_a_new_assignment_begins_with_nothing_taken() -> None:
    assignment: Assignment[str] = Assignment()
    assignment.assign(["p"])
    before = assignment.tracker("p")
    assert before is not None
    before.take(7)
    assignment.assign(["p"])
    before.finish(7)
    after = assignment.tracker("p")
    assert after is not None
    assert assignment.owns("p", after)
    assert not assignment.owns("p", before)
    assert assignment.to_commit() == {}
    assert after.take(7), "the record comes again and must be taken again"


def test_only_what_moved_since_the_last_commit_is_committed() -> None:
    assignment: Assignment[str] = Assignment()
    assignment.assign(["p", "q"])
    for partition in ("p", "q"):
        tracker = assignment.tracker(partition)
        assert tracker is not None
        tracker.take(3)
    finished = assignment.tracker("p")
    assert finished is not None
    finished.finish(3)
    assert assignment.to_commit() == {"p": 4}
    assignment.committed({"p": 4, "gone": 9})
    assert assignment.to_commit() == {}
