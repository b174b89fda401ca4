"""Taking turns between shares: nobody waits behind somebody else's many items."""

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from consumers.round_robin import RoundRobin

SHARES = st.sampled_from("xyz")


def filled(**lines: str) -> RoundRobin[str]:
    ring: RoundRobin[str] = RoundRobin()
    for share, items in lines.items():
        for item in items:
            ring.add(share, item)
    return ring


def popped(ring: RoundRobin[str]) -> str:
    return "".join(item for _, item in iter(ring.pop, None))


def test_shares_are_served_in_turn_and_each_in_its_order() -> None:
    ring = filled(x="abcd", y="12", z="+-!")
    assert "".join(ring.in_order()) == "1+a2-b!cd"
    assert popped(ring) == "1+a2-b!cd"
    assert len(ring) == 0


def test_a_newcomer_is_next_after_those_that_were_never_served_either() -> None:
    ring = filled(x="abcdefgh")
    ring.pop()
    ring.add("y", "1")
    ring.add("z", "+")
    assert popped(ring) == "1+bcdefgh"


def test_who_comes_again_is_served_by_when_it_was_served_last() -> None:
    ring = filled(x="abcd", y="1", z="+-")
    assert [ring.pop() for _ in range(4)] == [("y", "1"), ("z", "+"), ("x", "a"), ("z", "-")]
    ring.add("y", "2")
    assert popped(ring) == "2bcd"
    ring.serve("x")
    ring.add("x", "e")
    ring.add("y", "3")
    assert popped(ring) == "3e"


def test_what_was_popped_in_vain_is_next_again() -> None:
    ring = filled(x="ab", y="123")
    share, item = ring.pop() or ("", "")
    ring.put_back(share, item)
    assert popped(ring) == "a1b23"


def test_a_share_that_may_not_is_passed_over_and_keeps_its_place() -> None:
    ring = filled(x="ab", y="1")
    assert ring.pop(lambda share: share != "x") == ("y", "1")
    assert ring.pop(lambda share: False) is None
    assert popped(ring) == "ab"


class Ringwork(RuleBasedStateMachine):
    """Any interleaving of adding, popping, putting back and removing: nothing is lost, doubled or out of order."""

    def __init__(self) -> None:
        super().__init__()
        self.ring: RoundRobin[int] = RoundRobin()
        self.lines: dict[str, list[int]] = {share: [] for share in "xyz"}
        self.last: tuple[str, int] | None = None
        self.count = 0

    @rule(share=SHARES)
    def add(self, share: str) -> None:
        self.count += 1
        self.lines[share].append(self.count)
        self.ring.add(share, self.count)

    @rule()
    def pop(self) -> None:
        self.last = self.ring.pop()
        assert (self.last is None) == (not any(self.lines.values()))
        if self.last is not None:
            share, item = self.last
            assert self.lines[share].pop(0) == item

    @precondition(lambda self: self.last is not None)
    @rule()
    def put_back(self) -> None:
        assert self.last is not None
        self.lines[self.last[0]].insert(0, self.last[1])
        self.ring.put_back(*self.last)
        self.last = None

    @rule(share=SHARES, number=st.integers(1, 20))
    def remove(self, share: str, number: int) -> None:
        if number in self.lines[share]:
            self.lines[share].remove(number)
        self.ring.remove(share, number)

    @invariant()
    def the_order_told_is_all_there_is(self) -> None:
        told = list(self.ring.in_order())
        assert len(self.ring) == len(told)
        assert sorted(told) == sorted(number for line in self.lines.values() for number in line)
        for line in self.lines.values():
            assert [number for number in told if number in line] == line


TestRingwork = Ringwork.TestCase
