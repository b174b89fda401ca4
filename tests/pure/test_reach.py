"""What nobody polled yet: ends minus positions, of the partitions owned now."""

from consumers.reach import Reach


def test_unread_is_what_lies_between_position_and_end() -> None:
    reach: Reach[int] = Reach()
    reach.assign([0, 1])
    reach.read_to(0, 10)
    reach.ends_at(0, 25)
    reach.ends_at(1, 7)
    assert reach.unread() == {0: 15, 1: 0}  # where partition 1 begins is not known yet
    reach.read_to(1, 4)
    reach.read_to(0, 25)
    assert reach.unread() == {0: 0, 1: 3}


def test_reports_of_ends_may_overtake_each_other() -> None:
    reach: Reach[int] = Reach()
    reach.assign([0])
    reach.read_to(0, 0)
    for end in (5, 9, None, 7):
        reach.ends_at(0, end)
    assert reach.unread() == {0: 9}


def test_partitions_that_are_not_ours_count_nothing_and_a_new_assignment_knows_no_position() -> None:
    reach: Reach[int] = Reach()
    reach.assign([0])
    reach.read_to(0, 3)
    reach.ends_at(0, 9)
    reach.revoke([0])
    reach.read_to(0, 4)
    reach.ends_at(0, 12)
    assert reach.unread() == {}
    reach.assign([0])
    assert reach.position(0) is None
    assert reach.unread() == {0: 0}
